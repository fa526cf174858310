"""Relations: people who are each other's friend, mentor or boss, and the sentences that state it."""
