"""What reads a rewrite: of the grammar, and of a language model."""
