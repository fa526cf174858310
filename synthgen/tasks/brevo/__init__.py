"""Brevo (Part 4.1, 2512.17351): list all that a node of a shuffled dependency graph needs, in a valid order.

synthgen show brevo1-tiny -n 1
synthgen entropy brevo-open
"""

from synthgen.tasks.brevo.params import BrevoParams
from synthgen.tasks.brevo.task import Brevo

__all__ = ["Brevo", "BrevoParams"]
