"""Files as such: written whole or not at all, sealed, and read with what they declare held against their size."""
