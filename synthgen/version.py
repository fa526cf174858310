"""The version, apart from everything else: what writes it down must not import what it is written into."""

__version__ = "0.2.0"
