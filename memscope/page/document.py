"""The text of `report.html`, from its data."""

import json
from base64 import b64encode
from html import escape

from memscope.page.columns import squeezed
from memscope.page.data import PageData


def document(data: PageData) -> str:
    """The whole page."""
    title = escape(f"{data.head()['run']}: memscope")
    head = json.dumps(data.head()).replace("<", "\\u003c")
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        f"<title>{title}</title>",
        f'<script type="application/json" id="data">{head}</script>',
        *(embedded(f"column-{column.name}", column.packed) for column in data.columns),
        *(embedded(f"sheet-{number}", sheet) for number, sheet in enumerate(data.sheets)),
    ]
    if data.names:
        parts.append(embedded("names", squeezed("\n".join(data.names).encode())))
    return "\n".join([*parts, "</html>", ""])


def embedded(name: str, content: bytes) -> str:
    return f'<script type="text/plain" id="{escape(name)}">{b64encode(content).decode()}</script>'
