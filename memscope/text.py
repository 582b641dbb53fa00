"""Numbers as text, for names of files."""


def shortest(value: float) -> str:
    """The shortest decimal that gives the number again: 4, 0.9, 1e-05."""
    return repr(float(value)).removesuffix(".0")
