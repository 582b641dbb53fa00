"""Training: one readable loop (`loop.py`), the backends that train by it, and evaluation."""
