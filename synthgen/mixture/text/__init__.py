"""Real text as a component of a mixture: rows of a dataset that is there already, in its own words.

Read in this order: `fields` (what people write), `sources` (the files, from this disk or, by `fetching`, from the Hub),
`store` (the rows used, kept by their digest), `preparing` (from the one to the other), `rows` (the task made of them).
"""
