"""Drawing stories: the graph, its names and values, the orders of lines and steps, the words."""
