"""From the ledger to counts and sums over models, a file at a time; and what is computed from counts block by block."""
