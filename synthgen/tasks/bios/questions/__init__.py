"""Questions about the people: what is asked, the answers, and how well one can guess."""
