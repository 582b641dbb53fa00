"""The nearest neighbours of queries among the examples of a memory: exact, approximate, and in which space."""
