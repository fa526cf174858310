"""What reads a row and counts its bits again."""
