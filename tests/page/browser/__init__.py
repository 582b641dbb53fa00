"""A package, so that pytest keeps one browser for all its tests, and no longer."""
