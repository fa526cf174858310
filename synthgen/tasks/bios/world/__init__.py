"""The people: who they are, and what is known of them.

`lists` has the words, `population` the params and bits of a world; `writing.people` draws persons, `reading` finds them
again in files.
"""
