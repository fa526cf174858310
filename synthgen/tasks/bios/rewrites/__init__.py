"""Biographies worded by a grammar of clauses, or by a language model."""
