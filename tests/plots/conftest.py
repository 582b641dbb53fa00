"""What the tests of all figures share."""

from collections.abc import Callable
from itertools import combinations

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text


@pytest.fixture(scope="session")
def assert_readable() -> Callable[[Figure], list[str]]:
    """Asserts that every text lies on the page, is taken literally, and covers no other; gives the texts."""

    def check(figure: Figure) -> list[str]:
        figure.canvas.draw()
        page = figure.bbox
        boxes = []
        for text in figure.findobj(Text):
            if not text.get_visible() or not text.get_text().strip():
                continue
            box = text.get_window_extent()
            assert not text.get_parse_math(), text
            assert page.x0 <= box.x0 < box.x1 <= page.x1, text
            assert page.y0 <= box.y0 < box.y1 <= page.y1, text
            boxes.append((text.get_text(), box))
        for (one, box), (other, beside) in combinations(boxes, 2):
            across = min(box.x1, beside.x1) - max(box.x0, beside.x0)
            up = min(box.y1, beside.y1) - max(box.y0, beside.y0)
            assert across <= 1 or up <= 1, f"{one!r} and {other!r} overlap by {across:.0f} x {up:.0f} pixels"
        return [text for text, _ in boxes]

    return check
