"""The version of memscope, by itself, so that whatever stamps it on a file need not import the package above it."""

__version__ = "0.1.0"
