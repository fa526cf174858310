"""The markers that stand before problem, solution and answer in the released layout (Part 2.1's code)."""

MARKERS = ("<|problem|>", "<|solution|>", "<|answer|>")
