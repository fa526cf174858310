"""What computes whose friend somebody is, and writes the sentences that state it."""
