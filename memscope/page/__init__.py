"""`report.html`: what a run has shown, in one file that needs nothing else."""
