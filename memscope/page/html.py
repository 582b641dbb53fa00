"""HTML from text: everything that a name, a path or a number becomes on the page is escaped here.

`Html` is text that is markup already. Functions take `str` for what is to be escaped and `Html` for what is not, so
that mypy sees where one stands for the other.
"""

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, NewType

from memscope.findings.screen import Command, Grid
from memscope.reports.keys import plain
from memscope.text import printable

Html = NewType("Html", str)
NOTHING = Html("")


def text(value: object) -> Html:
    """Text in an element or an attribute; line breaks and marks that turn the direction of writing are shown."""
    return Html(escape(printable(str(value))))


def tag(name: str, *inner: Html, **attributes: object) -> Html:
    """An element; `class_` stands for class, `data_chart` for data-chart; an attribute that is None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{''.join(inner)}</{name}>")


def joined(parts: Iterable[Html], between: str = "\n") -> Html:
    return Html(between.join(part for part in parts if part))


def lines_of(content: str) -> Html:
    """Text of several lines, for `pre`."""
    return Html("\n".join(map(text, content.splitlines())))


def paragraph(words: str, **attributes: object) -> Html:
    return tag("p", text(words), **attributes) if words else NOTHING


def link(address: str, words: str) -> Html:
    """To a place on this page, or to a reference elsewhere, which learns nothing of where its reader came from."""
    return tag("a", text(words), href=address, rel=None if address.startswith("#") else "noreferrer")


def command_line(command: Command) -> Html:
    """What a command is for, and the command, to be copied."""
    words = joined([tag("span", text(word), class_="command") for word in str(command).split(" ")], " ")
    return Html(f"{text(command.what_for)}: {tag('code', words)}")


def listing(items: Sequence[Html], **attributes: object) -> Html:
    return tag("ul", *(tag("li", item) for item in items), **attributes) if items else NOTHING


def table(caption: str, grid: Grid) -> Html:
    """A table whose first column heads its rows; it scrolls by itself where it is wider than the page."""
    columns = [heading.replace("\n", " ") for heading in grid.columns]
    body = []
    for row in grid.rows:
        if isinstance(row, str):
            body.append(tag("tr", tag("th", text(row), scope="colgroup", colspan=len(columns))))
            continue
        cells = [
            tag("td", text(cell), class_="text" if place < grid.left else None)
            for place, cell in enumerate(row)
            if place
        ]
        body.append(tag("tr", tag("th", text(row[0]), scope="row"), *cells))
    heads = [
        tag("th", text(heading), scope="col", class_="text" if place < grid.left else None) if heading else tag("td")
        for place, heading in enumerate(columns)
    ]
    whole = tag(
        "table", tag("caption", tag("span", text(caption))), tag("thead", tag("tr", *heads)), tag("tbody", *body)
    )
    return tag("div", whole, class_="scroll", tabindex=0, role="group", aria_label=f"Table: {caption}")


def embedded(name: str, value: Any) -> Html:
    """Data for the page's scripts, under an id; nothing in it ends the element or starts another."""
    return held(name, "application/json", Html(inert(json.dumps(plain(value), separators=(",", ":")))))


def held(name: str, kind: str, content: Html) -> Html:
    """What the page holds and does not run."""
    return Html(f'<script type="{kind}" id="{text(name)}">{content}</script>')


def inert(content: str) -> str:
    """JSON without a character that HTML knows: each stands in a text of it, where an escape says the same."""
    return content.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
