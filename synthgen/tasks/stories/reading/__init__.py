"""Reading stories: texts taken apart, solved, judged, and their bits counted again."""
