"""A page as a browser without scripts reads it: its elements, checked to be closed in order, and their text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

EMPTY = {"meta", "br", "hr", "img", "input", "link", "wbr"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    inside: list["Element"] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    """Its text, and that of what is inside, in order"""

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())

    def all(self, tag: str | None = None) -> list["Element"]:
        """What is inside, however deep, in order."""
        found = []
        for each in self.inside:
            found += [each] if tag in (None, each.tag) else []
            found += each.all(tag)
        return found


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        made = Element(tag, dict(attrs))
        self.open[-1].inside.append(made)
        if tag not in EMPTY:
            self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        held = any(each.tag in ("script", "style") for each in self.open)
        for each in self.open if not held else self.open[-1:]:
            each.parts.append(data)


def read_page(content: str) -> Element:
    reader = Reader()
    reader.feed(content)
    reader.close()
    assert [each.tag for each in reader.open] == ["page"], "an element is not closed"
    return reader.open[0]
