"""Token rows as training windows.

Read in this order: `token_rows` (what rows are), `row_sources` (rows by range: `spec_rows`, `folder_rows`; `phrases` of
text), `marking` (rows with their markers), `packing` (rows to windows), `blocks` and `lanes` (blocks of rows, one after
the other), `settings` (all that windows can be told), `windows` (what a training step eats), `token_files` (the same as
files of ids).
"""
