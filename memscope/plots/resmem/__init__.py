"""The figures of `memscope resmem`."""
