"""From the ledger to counts and sums over models, a file at a time; and what is computed of counts block by block."""
