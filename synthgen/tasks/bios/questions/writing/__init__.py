"""What asks: people found by their facts, programs of wordings, the kernel."""
