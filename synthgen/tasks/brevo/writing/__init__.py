"""What draws a graph and writes its listing."""
