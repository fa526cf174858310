"""What draws the people."""
