"""The reading side of grammars: `chart` (which strings, how likely) and `strings` (what a row says, and whether so)."""
