"""What reads statements, and whoever is related, from the texts, the lists and the world."""
