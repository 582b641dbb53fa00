"""Training: one readable loop (`loop.py`), the backends that train by it, evaluation, and what a worker runs."""
