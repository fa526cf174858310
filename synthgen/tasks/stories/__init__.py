"""Dependency graphs told in words: eight worlds, one law (common ground of Parts 2.1, 2.2 and 4.1).

synthgen show stories-boxes -n 2
synthgen show stories-order -n 2
synthgen entropy stories-packs
"""

from synthgen.tasks.stories.params import StoriesParams
from synthgen.tasks.stories.task import Stories

__all__ = ["Stories", "StoriesParams"]
