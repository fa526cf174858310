"""Chains of modular arithmetic, step by step, with mistakes that are taken back (after Part 2.2, 2408.16293).

synthgen show chain-retry50 -n 2
synthgen entropy chain-retry50
"""

from synthgen.tasks.chain.task import Chain, ChainParams

__all__ = ["Chain", "ChainParams"]
