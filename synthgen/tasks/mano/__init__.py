"""Mano (Part 4.1, 2512.17351): mental arithmetic, one prefix expression modulo a prime; token rows, every bit exact.

synthgen show mano-l10 -n 3
synthgen entropy mano-l10 --split test
"""

from synthgen.tasks.mano.task import Mano, ManoParams

__all__ = ["Mano", "ManoParams"]
