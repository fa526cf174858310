"""Knowledge: people of one world, biographies of them, and what can be asked about them (Parts 3.1, 3.2 and 3.3)."""
