"""What reads a biography, and what a probe may ask of it."""
