"""Text rows as token rows: the same rows, ids in the place of text.

Read in this order: `tokenizer` (what makes tokens), `checked` (any file, held to giving texts back), `by_phrase` (where
phrases may be tokenized one by one), `tokenized` (a text task behind a tokenizer), `saved` (as transformers reads it).
"""
