"""What judges answers, and keeps a list of who is asked about."""
