"""The ids that every row of bioD may hold, before those of attributes, names and values."""

BOS, EOS, PAD, PRONOUN, SPECIALS = range(5)
