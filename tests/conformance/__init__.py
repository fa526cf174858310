"""A small Hub on loopback that the unmodified `huggingface_hub` and `datasets` clients talk to, with faults on order."""
