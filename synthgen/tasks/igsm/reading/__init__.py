"""What reads, solves and judges a problem from its text alone."""
