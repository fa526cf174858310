"""History: questions about a world that changes, what was so before, and what is so now."""
