"""Birth years in context: who was born when, told outright or by whose year somebody shares, among other sentences."""
