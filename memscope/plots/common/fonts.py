"""Fonts for names in any script: what a figure draws for a name, and the fonts that have its letters.

DejaVu Sans comes with matplotlib and has Latin, Greek, Cyrillic, Arabic, Hebrew and more, so most figures need no
other. Where it lacks a letter, a font of this machine is taken, Noto before others. Where none has it, the letter is
written as Python would escape it, `\\u732b`: a box would be the same for all letters.

From matplotlib 3.11 on, which shapes text, Arabic and Hebrew are written from right to left, and the letters of Arabic
and Hindi are joined. Older versions draw the same letters one by one, from left to right. Emoji of colour fonts are
bitmaps or layers, which matplotlib cannot draw; they are escaped unless a font has them as outlines (Noto Emoji,
Symbola).
"""

import os
import re
import unicodedata
from functools import cache, lru_cache

import numpy as np
from matplotlib.font_manager import (
    FontEntry,
    FontProperties,
    findfont,
    findSystemFonts,
    fontManager,
    ttfFontProperty,
    weight_dict,
)
from matplotlib.ft2font import FT2Font

from memscope.text import printable

FONT = "DejaVu Sans"  # comes with matplotlib, so a page is the same everywhere

VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Characters that choose between forms of the one before them, in fonts that have several; no font draws them."""

JOINERS = re.compile("[\u200c\u200d]")
"""Invisible, but Persian, Hindi and Sinhala are not written without them."""

BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Letters, to Unicode, of which nothing is seen."""

UNFIT = re.compile("last ?resort|blank|color|colour", re.IGNORECASE)
"""Fonts with a box for all letters of a script, with nothing, and with pictures."""

OURS = "memscope: "

LEFT_TO_RIGHT = "\u200e"


def legible(text: str, weight: str = "normal") -> str:
    """The text as it can be drawn and read: what is invisible, or in no font of this machine, is escaped."""
    if text.isascii():
        return printable(text)
    text = VARIATION.sub("", text) or text
    return "".join(each if can_be_read(each, weight) else escaped(each) for each in text)


def can_be_read(character: str, weight: str) -> bool:
    """Whether it can be drawn and is seen, or joins or parts letters that are."""
    if JOINERS.match(character):
        return True
    unseen = not character.isprintable() or character in BLANK or VARIATION.match(character)
    return not unseen and font_with(character, weight) is not None


def escaped(character: str) -> str:
    """`\\u732b`"""
    return character.encode("unicode_escape", "surrogatepass").decode()


def enclosed(text: str) -> str:
    """The text, so that digits after it in a sentence stay after it where it ends in a script from right to left."""
    if any(unicodedata.bidirectional(each) in ("R", "AL", "AN") for each in text):
        return text + LEFT_TO_RIGHT
    return text


def folded(text: str) -> str:
    """The same for texts that a reader cannot tell apart: one accent in two encodings, more or fewer spaces.

    Accents become marks of their own, so that what a text begins with does so when folded, too.
    """
    return " ".join(unicodedata.normalize("NFKD", JOINERS.sub("", text)).split())


@lru_cache(maxsize=10_000)
def families(text: str, weight: str = "normal") -> tuple[str, ...]:
    """Font families to draw the text with: ours, then those with the letters that it lacks."""
    if text.isascii():
        return (FONT,)
    found = {FONT: None}
    for each in text:
        found[font_with(each, weight) or FONT] = None
    return tuple(found)


@lru_cache(maxsize=10_000)
def font_with(character: str, weight: str) -> str | None:
    """The family of the first font that draws the character; None where no font does."""
    code = ord(character)
    if code in codes_of(findfont(FontProperties(family=FONT, weight=weight))):
        return FONT
    for path in fonts_of_machine(weight):
        if code in codes_of(path) and has_outline(path, character):
            return family_of(path, weight)
    return None


@lru_cache(maxsize=2)
def fonts_of_machine(weight: str) -> tuple[str, ...]:
    """Paths of the fonts that may stand in, the best first. The order does not depend on that of the folders.

    matplotlib keeps a list of fonts for years, so those that were installed since are looked for.
    """
    listed = [entry for entry in reversed(fontManager.ttflist) if not entry.name.startswith(OURS)]
    entries = {str(entry.fname): entry for entry in listed}  # of several faces in a file, the first
    for path in findSystemFonts():
        if path not in entries:
            try:
                entries[path] = ttfFontProperty(FT2Font(path))
            except Exception:  # a damaged font, or one of bitmaps: matplotlib passes over it too
                continue

    def rank(path: str) -> tuple[bool | int | str, ...]:
        entry = entries[path]
        away = abs(int(weight_dict.get(str(entry.weight), entry.weight)) - weight_dict[weight])
        noto = not entry.name.startswith("Noto Sans"), not entry.name.startswith("Noto")
        form = entry.style != "normal", entry.stretch != "normal"
        return (*noto, away, *form, entry.name, os.path.basename(path), path)

    return tuple(sorted((path for path, entry in entries.items() if not UNFIT.search(entry.name)), key=rank))


UNREADABLE = (OSError, RuntimeError, ValueError, TypeError)
"""What FreeType raises of a font that has gone or is damaged: another font, or an escape, is taken in its place."""


@cache
def codes_of(path: str) -> np.ndarray:
    """The characters of a font, uint32; none if it cannot be read, as when it has gone since matplotlib listed it."""
    try:
        return np.array([*FT2Font(path).get_charmap()], dtype=np.uint32)
    except UNREADABLE:
        return np.array([], dtype=np.uint32)


def has_outline(path: str, character: str) -> bool:
    """Whether the font has an outline for the character: fonts of layered pictures have empty ones."""
    try:
        font = FT2Font(path)
        font.set_size(12, 72)
        font.load_char(ord(character))
        return bool(font.scalable and len(font.get_path()[0]))
    except UNREADABLE:
        return False


@cache
def family_of(path: str, weight: str) -> str:
    """A name by which matplotlib finds just this file.

    By a font's own family it would take the file whose weight is nearest, which may lack the letter, and would warn
    where there is none of the weight.
    """
    name = f"{OURS}{path}"
    fontManager.ttflist.append(FontEntry(fname=path, name=name, weight=weight, size="scalable"))
    return name
