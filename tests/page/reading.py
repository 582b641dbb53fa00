"""A page, read as its script reads it: from the file alone, by docs/format.md."""

import base64
import json
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np


class Embedded(HTMLParser):
    """The elements with an id whose content is data."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.name: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        data = tag == "script" and given.get("type") in ("text/plain", "application/json")
        self.name = given.get("id") if data else None
        if self.name:
            assert self.name not in self.found
            self.found[self.name] = ""

    def handle_data(self, data: str) -> None:
        if self.name:
            self.found[self.name] += data

    def handle_endtag(self, tag: str) -> None:
        self.name = None


def embedded(page: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The object `data`, and the bytes of each other element."""
    parser = Embedded()
    parser.feed(page.read_text())
    head = json.loads(parser.found.pop("data"))
    return head, {
        name: base64.b64decode(text)
        for name, text in parser.found.items()
        if name.startswith(("column-", "sheet-")) or name == "names"
    }


TYPES = {"uint8": "u1", "uint16": "<u2", "int32": "<i4"}


def codes_of(column: Any) -> np.ndarray:
    return codes(column.described(), column.packed)


def codes(described: dict[str, Any], packed: bytes) -> np.ndarray:
    return np.frombuffer(zlib.decompress(packed, -15), TYPES[described["kind"]]).astype(np.int64)


def values_of(column: Any) -> Any:
    return values(column.described(), column.packed)


def values(described: dict[str, Any], packed: bytes) -> Any:
    """float64 with NaN and infinity; of whole numbers an array of int and None."""
    found = codes(described, packed)
    missing = found == described["missing"]
    if described["low"] is None:
        return np.where(missing, None, found.astype(object))
    most = 2 ** (8 * np.dtype(TYPES[described["kind"]]).itemsize) - 2
    told = described["low"] + found * (described["high"] - described["low"]) / most
    if described["endless"]:
        told[found == most] = np.inf
    told[missing] = np.nan
    return told
