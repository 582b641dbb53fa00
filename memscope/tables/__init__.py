"""The tables and sentences in which reports are printed: a module for each command."""
