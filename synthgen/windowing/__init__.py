"""Token rows as training windows.

Read in this order: `row_sources` (rows by range), `packing` (rows to windows), `lanes` (blocks of rows, one after the
other), `settings` (all that windows can be told), `windows` (what a training step eats), `token_files` (the same as
files of ids).
"""
