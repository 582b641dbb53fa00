"""Training: one readable loop (`loop.py`), augmentation and evaluation, and what a worker runs."""
