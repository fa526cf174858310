"""The fixed words of English rows (Part 3.3): "Anya Briar Forger's ID 7 is v12 v3. Their ID 2 is v40 v7."

The numbers of attributes begin at 1, those of a value's tokens at 0.
"""

WHOSE, THEIR, ID, IS, TOKEN, STOP = "'s", ". Their", " ID ", " is ", "v", "."

NAME, VALUE = range(2)
SPAN_KINDS = ("name", "value")
"""The full name in the first sentence, and every value."""
