"""The figures of `memscope proxies`."""
