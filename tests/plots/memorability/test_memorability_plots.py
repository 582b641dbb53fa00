"""The figures of `memscope memorability` show the numbers of its report, whatever is not known, and can be read."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from memscope.plots.common.look import LOOKS, drawn_for
from memscope.plots.memorability.corners import NAMES, draw_corners
from memscope.plots.memorability.correlations import draw_correlations, with_correlations
from memscope.plots.memorability.figures import setting_of
from memscope.plots.memorability.spread import draw_spread
from memscope.plots.trajectories.contact_sheet import ExampleRow
from memscope.reports.memorability import Beside, MemorabilityReport, SizeBeside
from memscope.reports.ranged import Ranged
from tests.findings.made import CAVEATS, LICENCE, ranged

LONG = "measured $by$ the_people of [a] place whose name is long/" * 6
GRIDS = [(8,), (2, 4), (10, 11, 12, 64, 65), tuple(2**k for k in range(12))]


def a_report(sizes=(2, 4, 8), axis="width", overall=-0.11, within=-0.13, known=True, **changes) -> MemorabilityReport:
    def number(value, k):
        return ranged(value + 0.004 * k, 0.02) if known else Ranged(value=value + 0.004 * k)

    rows = tuple(
        SizeBeside(
            size=size,
            models=40,
            examples=1000,
            score=Beside(
                overall=number(overall, k), within=number(within, k), ceiling=0.8 + 0.01 * k, within_ceiling=0.7
            ),
            accuracy_out=Beside(
                overall=number(-overall, k), within=number(-within, k), ceiling=nan, within_ceiling=nan
            ),
        )
        for k, size in enumerate(sizes)
    )
    given = {
        "run": "run",
        "axis": axis,
        "epsilon": 0.2,
        "data": "folder:images",
        "family": "cnn",
        "fraction": 0.7,
        "kind": "resmem",
        "source": "resmem 1.1.6",
        "licence": LICENCE,
        "caveats": CAVEATS,
        "examples": 1000,
        "known": 1000,
        "classes": 10,
        "flipped": 100,
        "blocks": 4,
        "sizes": rows,
        "corners_at": sizes[-1],
    }
    return MemorabilityReport(**(given | changes))


def some_values(examples=1000):
    random = np.random.default_rng(0)
    memorability = random.random(examples)
    score = np.where(random.random(examples) < 0.5, 0.0, np.round(random.uniform(-0.2, 1, examples) * 12) / 12)
    memorability[0], score[1] = nan, nan
    return memorability, score


def curves(axes):
    """Of each label: values, and ends of the error bars."""
    found = {}
    for container in axes.containers:
        assert isinstance(container, ErrorbarContainer)
        ends = np.array([path.vertices[:, 1] for path in container[2][0].get_paths()]) if container[2] else None
        found[container.get_label()] = (container[0].get_xydata()[:, 1], ends)
    return found


def words(figure, assert_readable):
    return " ".join(assert_readable(figure)).replace("\u00a0", " ").replace("\n", " ")


def drawn(report):
    return draw_correlations(setting_of(report), report)


def test_both_measures_stand_over_size_with_their_intervals_on_one_scale(assert_readable):
    report = a_report()
    figure = drawn(report)
    text = words(figure, assert_readable)
    for axes, measure in zip(figure.axes, ("score", "accuracy_out"), strict=True):
        for label, scope in (("all images", "overall"), ("within classes", "within")):
            values, ends = curves(axes)[label]
            found = [getattr(getattr(row, measure), scope) for row in report.sizes]
            assert values == pytest.approx([each.value for each in found])
            assert ends == pytest.approx(np.array([(each.low, each.high) for each in found]))
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    low, high = figure.axes[0].get_ylim()
    assert low < -0.17
    assert high > 0.17
    (band,) = figure.axes[0].patches
    assert band.get_height() == pytest.approx(2 * 1.96 / np.sqrt(999))
    assert "Noise in the score leaves at most 0.80 to 0.82" in text
    assert all(line in text for line in (LICENCE, *CAVEATS))


def test_the_title_says_what_is_clear_and_no_more(assert_readable):
    text = words(drawn(a_report()), assert_readable)
    assert "Images that people remember better are memorised less at width 2: rank correlation −0.11 (95 %" in text
    assert "not clear" not in text
    assert "within classes that is not clear" in words(drawn(a_report(within=-0.01)), assert_readable)
    assert "memorised more at width 8, within classes alone" in words(
        drawn(a_report(overall=0.01, within=0.13)), assert_readable
    )
    for nothing in (a_report(overall=0.01, within=0.02), a_report(known=False)):
        assert "What people remember does not clearly go with what these models memorise at any width" in words(
            drawn(nothing), assert_readable
        )
    assert "No intervals" in words(drawn(a_report(known=False)), assert_readable)
    assert "images alone: there are too few blocks" in words(drawn(a_report(blocks=2)), assert_readable)


def test_of_one_class_there_is_nothing_within_classes(assert_readable):
    figure = drawn(a_report(classes=1))
    assert "within classes" not in words(figure, assert_readable)
    assert list(curves(figure.axes[0])) == ["all images"]


def test_the_means_of_tenths_are_those_of_the_images_in_them(assert_readable):
    report, (memorability, score) = a_report(), some_values()
    figure = draw_spread(setting_of(report), report, 1, memorability, score)
    assert "rank correlation −0.11" in words(figure, assert_readable)
    known = ~np.isnan(memorability + score)
    order = np.argsort(memorability[known])
    means = [part.mean() for part in np.array_split(score[known][order], 10)]
    values, ends = curves(figure.axes[0])["mean score of a tenth"]
    assert values == pytest.approx(means, abs=0.01)
    assert (ends[:, 0] < values).all()
    assert figure.axes[0].get_ylim()[0] < score[known].min()


def rows_of(count=10, flipped=True, name="#1", label="a"):
    random = np.random.default_rng(0)
    return [
        ExampleRow(
            type=corner,
            called=count,
            raw=count,
            names=(name,) * count,
            images=random.integers(0, 255, (count, 8, 12, 3), dtype=np.uint8),
            labels=(label,) * count,
            true_labels=("b" if flipped else None, *[None] * (count - 1)),
            scores=np.stack([np.linspace(0, 1, count), np.linspace(-0.1, 1, count)]),
        )
        for corner in NAMES.values()
    ]


def test_the_corners_have_their_images_with_percentile_and_score(assert_readable):
    report = a_report()
    figure = draw_corners(setting_of(report), report, rows_of(), ("a", "b"))
    texts = assert_readable(figure)
    assert len(figure.axes[0].images) == 40
    assert {" ".join(text.split()) for text in texts} >= set(NAMES.values())
    assert texts.count("0\u00a0%, −0.10") == 4
    assert texts.count("100\u00a0%, 1.00") == 4
    assert texts.count("true: b") == 4


@pytest.mark.parametrize("style", list(LOOKS))
@pytest.mark.parametrize("sizes", GRIDS)
def test_all_figures_are_readable_in_every_style(sizes, style, assert_readable):
    axis = "depth" if len(sizes) == 5 else "width"
    report = a_report(sizes, axis, source=LONG, data=LONG)
    setting, (memorability, score) = setting_of(report), some_values()
    with drawn_for(style):
        for figure in (
            draw_correlations(setting, report),
            draw_spread(setting, report, len(sizes) - 1, memorability, score),
            draw_corners(setting, report, rows_of(name="a-long-name-" * 4, label="x"), ("x", "b")),
            draw_corners(setting, report, rows_of(2, flipped=False), ("a", "b")),
        ):
            assert_readable(figure)
            assert figure.get_figwidth() == pytest.approx(3.3) if style == "paper" else 6 < figure.get_figwidth() < 14


def test_where_nothing_is_known_no_correlations_are_drawn():
    report = a_report(known=False)
    nothing = Ranged(value=nan)
    rows = tuple(replace(row, score=replace(row.score, overall=nothing)) for row in report.sizes)
    assert not with_correlations(replace(report, sizes=rows))
    assert with_correlations(report)
