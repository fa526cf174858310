"""From a spec to a checked folder.

Read in this order: `shards` (rows to files and back), `manifest` (what a folder holds), `readme` (its short README),
`build_plan` (what is to be built) and `build_journal` (what of it is done), `folder` (a folder under construction),
`interrupts` (Ctrl-C), `jobs` (one shard each), `processes` with its `helper`, `cluster` and `ranks` (who makes them),
`build` (all of it), `check` (none of it believed), `estimate` (before a byte is written).
"""
