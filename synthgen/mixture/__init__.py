"""Rows of several specs, and of real text, in exact quotas.

Read in this order: `components` and `params` (what is mixed), `slots` (whose turn it is), `gather` (rows of several
tasks in one batch), `mixture` (the task made of them); and the room `text` (rows of a dataset that is there already).
"""
