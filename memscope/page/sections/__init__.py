"""The page's sections, a module each: what a command found, in its own words, with figures and their tables."""
