"""bioD: people with random attributes, in tokens alone."""
