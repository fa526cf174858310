"""Depo (Part 4.1, 2512.17351): the k-th successor on one shuffled directed cycle; token rows, every bit exact.

synthgen show depo1-tiny -n 1
synthgen entropy depo1-n225 --split test_k8
"""

from synthgen.tasks.depo.task import Depo, DepoParams

__all__ = ["Depo", "DepoParams"]
