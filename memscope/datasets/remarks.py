"""What is said of many pictures that were decoded: how many are of which kind, and a few names."""

import re
from collections.abc import Callable
from pathlib import Path

from memscope.datasets.appearance import Traits
from memscope.datasets.decoding import UNKNOWN, Decoded
from memscope.datasets.folder_layout import few

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp"})
"""Endings of which one expects that the file is a picture"""


def grouped(names: list[str], unreadable: dict[int, str]) -> str:
    """How many files cannot be read for which reason, by their endings where no format is known, and a few of them."""
    groups: dict[str, tuple[str, list[str]]] = {}
    for at, reason in unreadable.items():
        ending = Path(names[at]).suffix.lower()
        kind = f"*{ending}" + " that are none" * (ending in PICTURES) if ending and reason == UNKNOWN else reason
        # reasons that differ in their numbers only are one, shown as the first of them
        groups.setdefault(kind if kind != reason else re.sub(r"-?\d+", "0", kind), (kind, []))[1].append(names[at])
    largest = sorted(groups.values(), key=lambda group: -len(group[1]))
    shown = [f"{len(own):,} {kind if len(kind) < 80 else kind[:79] + '…'} ({few(own, 2)})" for kind, own in largest[:4]]
    rest = sum(len(own) for _, own in largest[4:])
    return ", ".join(shown) + (f" and {rest:,} for other reasons" if rest else "")


def remarks(directory: Path, names: list[str], decoded: Decoded) -> list[str]:
    """What a user should know of the pictures, a line each."""
    known = [(name, traits) for name, traits in zip(names, decoded.traits, strict=True) if traits is not None]

    def those(remarkable: Callable[[Traits], bool]) -> str | None:
        found = [name for name, traits in known if remarkable(traits)]
        return f"{directory}: {len(found):,} of its {len(known):,} images ({few(found, 2)})" if found else None

    lines = []
    if decoded.unreadable:
        found = grouped(names, decoded.unreadable)
        lines.append(f"{directory}: left out as unreadable {len(decoded.unreadable):,} of {len(names):,}: {found}")
    if some := those(lambda one: one.turned):
        lines.append(f"{some} are turned or mirrored as their EXIF orientation says")
    if some := those(lambda one: one.frames):
        lines.append(f"{some} have several frames or pages: the first of each is read")
    if some := those(lambda one: one.sizes):
        lines.append(f"{some} are icons of several sizes: the largest of each is read")
    if some := those(lambda one: one.clear == "partly"):
        lines.append(f"{some} are transparent in parts: they are laid on white")
    if some := those(lambda one: one.clear == "white"):
        lines.append(f"{some} are white on a transparent ground: they are laid on black, to be seen")
    if some := those(lambda one: one.clear == "wholly"):
        lines.append(f"{some} are transparent everywhere: they are white, whatever colours they hide")
    wide = [traits.values for _, traits in known if traits.values]
    if wide:
        lines += _of_sixteen_bits(directory, wide, len(known), decoded.bits)
    return lines


def _of_sixteen_bits(directory: Path, wide: list[tuple[int, int]], total: int, bits: int) -> list[str]:
    least, greatest, white = min(low for low, _ in wide), max(high for _, high in wide), 2**bits - 1
    lines = []
    if bits < 16:
        lines.append(
            f"{directory}: its images of 16 bits use values up to {greatest:,}: read as {bits} bits, {white:,} is white"
        )
    if 4 * (greatest - least) < white:
        lines.append(
            f"{directory}: its images of 16 bits use values from {least:,} to {greatest:,} only, "
            f"{(greatest - least) * 255 // white + 1} of 256 grey levels; stretch them first if more contrast is wanted"
        )
    if len(wide) < total:
        lines.append(
            f"{directory}: {len(wide):,} of its {total:,} images have 16 bits and the others 8; each kind is scaled to "
            "0 to 255 by itself"
        )
    return lines
