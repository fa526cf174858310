"""The version, apart from everything else: what writes it down must not import what it is written into."""

__version__ = "0.1.0"
