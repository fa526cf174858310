"""Biographies of six sentences, as text and as compact tokens."""
