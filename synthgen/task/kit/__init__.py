"""Parts that several tasks are built of: names, word lists, sizes, retries, capacity, accuracy by stratum."""
