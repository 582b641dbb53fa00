"""Text: numbers as parts of file names, and other people's text made safe to show."""

import unicodedata


def shortest(value: float) -> str:
    """The shortest decimal that gives the number again: 4, 0.9, 1e-05."""
    return repr(float(value)).removesuffix(".0")


def printable(text: str) -> str:
    """The text on one line: what is no visible character is written as Python would, an escape sequence as `\\x1b`.

    A file name may hold line breaks, commands to the terminal and marks that turn the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode() for each in text
    )


ALIKE = {
    "±": "+-",
    "×": "x",
    "÷": "/",
    "·": ".",
    "•": "*",
    "…": "...",
    "–": "-",
    "—": "-",
    "‐": "-",
    "‑": "-",
    "−": "-",
    "→": "->",
    "←": "<-",
    "↑": "^",
    "↓": "v",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≈": "~",
    "‘": "'",
    "’": "'",
    "‚": "'",
    "“": '"',
    "”": '"',
    "„": '"',
    "«": '"',
    "»": '"',
    "\u00a0": " ",
    "\u202f": " ",
    "\u2009": " ",
    "°": " deg",
    "²": "^2",
    "³": "^3",
    "│": "|",
    "┃": "|",
    "─": "-",
    "━": "-",
}
"""What stands for a sign where an output cannot write it."""


def writable(text: str, encoding: str | None) -> str:
    """The text in letters of an encoding: others are replaced by what looks alike, or written as `\\u4e2d`."""
    encoding = encoding or "utf-8"
    if text.isascii() or can_write(text, encoding):
        return text
    return "".join(
        each
        if can_write(each, encoding)
        else ALIKE[each]
        if each in ALIKE and can_write(ALIKE[each], encoding)
        else each.encode("ascii", "backslashreplace").decode()
        for each in text
    )


def can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def abridged(text: str, longest: int) -> str:
    """The text, its middle left out where it is longer than `longest` characters."""
    if len(text) <= longest:
        return text
    end = longest * 2 // 5
    return f"{text[: longest - end - 1]}…{text[-end:]}"


def composed(text: str) -> str:
    """The text in Unicode's composed form (NFC), which equal words have in common whatever wrote them."""
    return unicodedata.normalize("NFC", text)


def counted(number: int, thing: str) -> str:
    """1 worker, 2 workers"""
    return f"{number:,} {thing}{'s' * (number != 1)}"
