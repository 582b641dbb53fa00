"""Proxies: what is cheaper than the memorisation score and said to stand in for it, each a pure function of arrays."""
