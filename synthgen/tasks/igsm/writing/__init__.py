"""What draws a problem of either law, and words it with its solution."""
