"""The reference trainer: it shows that the data behaves as the papers say. The only place where torch is imported.

settings -> batches (of windowing) -> model -> loop -> floor | score | measures -> experiment -> reproduce

    synthgen train cfg3f --preset tiny --out runs/cfg3f
    synthgen reproduce floor
"""

from synthgen.errors import missing

try:
    import torch  # noqa: F401
except ImportError:
    raise missing("train", "the trainer") from None
