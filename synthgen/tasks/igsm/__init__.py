"""iGSM, grade-school mathematics from dependency graphs (Part 2.1, 2407.20311; Part 2.2, 2408.16293).

synthgen show igsm-med-pq -n 1
synthgen entropy igsm-open
"""

from synthgen.tasks.igsm.params import IgsmParams
from synthgen.tasks.igsm.task import Igsm

__all__ = ["Igsm", "IgsmParams"]
