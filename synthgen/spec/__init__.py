"""One TOML file and its rows by index.

Read in this order: `recipe` (how rows become windows), `spec` (a dataset's definition), `source` (its rows), `judges`
(which verify many of them at a time).
"""

from synthgen.spec.spec import Spec as Spec
from synthgen.spec.spec import load_spec as load_spec

__all__ = ["Spec", "load_spec"]
