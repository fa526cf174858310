"""Shared settings: hypothesis without deadlines (kernels compile on first use) and with fixed seeds in CI."""

from hypothesis import settings

settings.register_profile("default", deadline=None, derandomize=True, max_examples=60, database=None)
settings.load_profile("default")
