"""One module for every command: open the run, call analysis, write results. No mathematics and no printing."""
