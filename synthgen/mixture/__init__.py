"""Rows of several specs in exact quotas.

Read in this order: `components` (what is mixed), `slots` (whose turn it is), `gather` (rows of several tasks in one
batch), `mixture` (the task made of them).
"""
