"""What draws strings, of any length or of one, and labels their tokens."""
