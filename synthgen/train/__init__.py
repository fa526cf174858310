"""The reference trainer, and the only place where torch is imported (extra `train`)."""
