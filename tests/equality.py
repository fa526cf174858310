"""Equality of JSON values whose numbers come from other machines' libraries, too."""

import math


def equal(found, wanted, where=""):
    """Assert that two JSON values are equal, numbers to nine digits."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        assert list(found) == list(wanted), where
        for key, value in wanted.items():
            equal(found[key], value, f"{where}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list):
        assert len(found) == len(wanted), where
        for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
            equal(a, b, f"{where}[{i}]")
    elif isinstance(wanted, float) and isinstance(found, float | int):
        assert math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12), f"{where}: {found} was {wanted}"
    else:
        assert found == wanted, where
