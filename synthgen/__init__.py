"""synthgen: pretraining data for controlled language-model experiments, every bit of it known."""

__version__ = "0.1.0"
