"""What charts are drawn from."""

import numpy as np

from memscope.page import chart
from memscope.page.chart import MOST_MARKS, Scale, squares


def marks(held: dict) -> int:
    return sum(count > 0 for panel in held["panels"] for column in panel["counts"] for count in column)


def test_few_squares_stay_as_they_are():
    counts = np.random.default_rng(0).poisson(1, (40, 40))
    held = squares(np.linspace(-1, 1, 41), {"width 2": counts}, Scale(label="a"), Scale(label="b"))
    assert held["panels"][0]["counts"] == counts.tolist()
    assert len(held["edges"]) == 41


def test_more_squares_than_a_browser_draws_at_ease_are_joined_and_no_example_is_lost():
    counts = np.random.default_rng(0).poisson(3, (40, 40))
    panels = {f"width {size}": counts * (size + 1) for size in range(8)}
    held = squares(np.linspace(-1, 1, 41), panels, Scale(label="a"), Scale(label="b"))
    assert marks(held) <= MOST_MARKS < 8 * (counts > 0).sum()
    assert np.allclose(held["edges"], np.linspace(-1, 1, 21))
    found = np.array(held["panels"][2]["counts"])
    assert found.sum() == 3 * counts.sum()
    assert found[3, 5] == 3 * counts[6:8, 10:12].sum()


def test_one_size_is_drawn_in_rows():
    one = chart.Series(name="a", colour="first", mark="circle", values=[0.5])
    assert chart.lines("width", [2], Scale(label="b"), [one])["kind"] == "rows"
    two = chart.Series(name="a", colour="first", mark="circle", values=[0.5, 0.6])
    assert chart.lines("width", [2, 4], Scale(label="b"), [two])["kind"] == "lines"
