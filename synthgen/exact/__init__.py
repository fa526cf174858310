"""Randomness and bits without rounding: what every figure of the package stands on.

Read in this order: `jit` (kernels and their cache), `ledger` (bits as integers), `wide` (numbers beyond 64 bits),
`tape` (recorded choices), `draw` (addressed randomness), `bijection` (draws without replacement), `entropy` (bits with
a status).
"""
