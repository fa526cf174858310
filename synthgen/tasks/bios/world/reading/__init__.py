"""What finds the people again: in the world by number, and in the rows of a whole dataset."""
