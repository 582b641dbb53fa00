"""The files of a run: outcomes (`ledger.py`), weights, examples and results, each written once and atomically."""
