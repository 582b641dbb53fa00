"""The figures of `memscope privacy` show the numbers of its report and arrays, end where these end, and can be read."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from memscope.analysis.trajectories import TYPES
from memscope.plots.common.look import LOOKS, drawn_for
from memscope.plots.common.style import TYPE_STYLES
from memscope.plots.privacy.by_size import draw_by_size
from memscope.plots.privacy.by_type import draw_by_type, told_types
from memscope.plots.privacy.calibration import densities_of, draw_calibration
from memscope.plots.privacy.curves import curves_of, draw_curves
from memscope.plots.privacy.figures import figures
from memscope.plots.privacy.shown import setting_of, smallest_rate
from memscope.reports.privacy import TypeFound
from memscope.reports.ranged import Ranged
from tests.findings.made import privacy_report, ranged

NAMES = ("lira", "lira-offline", "rmia", "rmia-offline", "loss")
FALSE = np.logspace(-4, 0, 81)
GRIDS = [(8,), (2, 4), (10, 11, 12, 64, 65), tuple(2**k for k in range(12))]
LONG = "a_very$long$ name of data/" * 8


def a_report(sizes=(2, 4, 8), axis="width", types=True, **changes):
    """With two told rates, and something told of every type but the last."""
    given = {key: changes.pop(key) for key in ("blocks", "lira", "change", "typed", "told") if key in changes}
    report = privacy_report(sizes=sizes, **given)
    rows = [replace(row, types=types_of() if types else ()) for row in report.sizes]
    return replace(report, axis=axis, sizes=tuple(rows), **changes)


def types_of():
    found = [
        TypeFound(
            attack="lira",
            type=name,
            examples=100.4 * (t + 1),
            true_positive=ranged(0.1 + 0.1 * t, 0.01),
            false_positive=ranged(0.002 + 0.01 * t, 0.0005),
        )
        for t, name in enumerate(TYPES[:-1])
    ]
    nothing = Ranged(value=nan)
    found.append(TypeFound(attack="lira", type=TYPES[-1], examples=0.0, true_positive=nothing, false_positive=nothing))
    everything = ranged(0.24, 0.01)
    return (
        *found,
        TypeFound(attack="lira", type="all", examples=1000.0, true_positive=everything, false_positive=ranged(0.001)),
    )


def some_arrays(sizes=3, first=30, names=NAMES):
    """Curves of power laws from a point of the grid on; those of smaller sizes are guessing's."""
    powers = np.array([0.2, 0.3, 0.4, 0.5, 0.9])[: len(names)]
    median = np.where(np.arange(81) < first, nan, FALSE ** powers[:, None])
    arrays = {"attack": list(names), "false_positive_rate": FALSE}
    arrays["transform"] = np.arange(1, 121).reshape(2, 3, 20) + 1000 * np.arange(sizes)[:, None, None, None]
    for name, factor in (("low", 0.7), ("median", 1.0), ("high", 1.3)):
        curves = np.repeat(FALSE[None, None], sizes, axis=0).repeat(len(names), axis=1)
        curves[-1] = np.minimum(1, factor * median)
        arrays[f"curve_{name}"] = curves.astype(np.float32)
    return arrays


def drawn_curves(report, arrays):
    return draw_curves(setting_of(report), report, curves_of(arrays))


def lines(axes):
    return {line.get_label(): np.array(line.get_xydata()) for line in axes.get_lines()}


def bars(axes, place):
    """Of each label: the points, and the ends of their error bars along an axis."""
    found = {}
    for container in axes.containers:
        assert isinstance(container, ErrorbarContainer)
        made = container[2]
        ends = np.array([path.vertices[:, place] for path in made[0].get_paths()]) if made else None
        found[container.get_label()] = (container[0].get_xydata(), ends)
    return found


def words(figure, assert_readable):
    return " ".join(assert_readable(figure)).replace("\u00a0", " ").replace("\n", " ")


# privacy-roc.png


def test_curves_are_those_of_the_largest_size_with_bands_and_end_where_they_are_told(assert_readable):
    report, arrays = a_report(), some_arrays()
    figure = drawn_curves(report, arrays)
    text = words(figure, assert_readable)
    (axes,) = figure.axes
    drawn = lines(axes)
    assert list(drawn) == ["guessing", "LiRA", "RMIA", "loss"]
    bands = dict(zip(("lira", "rmia", "loss"), axes.collections, strict=True))
    for name, label in (("lira", "LiRA"), ("rmia", "RMIA"), ("loss", "loss")):
        at = NAMES.index(name)
        median = arrays["curve_median"][-1][at]
        assert drawn[label][:, 0] == pytest.approx(FALSE[30:])
        assert drawn[label][:, 1] == pytest.approx(median[30:])
        corners = bands[name].get_paths()[0].vertices
        for end in ("low", "high"):
            assert arrays[f"curve_{end}"][-1][at][40] in corners[np.isclose(corners[:, 0], FALSE[40]), 1]
        assert corners[:, 0].min() == pytest.approx(FALSE[30])
    assert "LiRA tells training examples of width 8 from others: the area under LiRA's curve is 0.74 (95 %" in text
    assert "LiRA: area 0.74" in text


def test_the_axes_are_logarithmic_and_alike_and_the_diagonal_is_what_guessing_gives():
    figure = drawn_curves(a_report(), some_arrays())
    (axes,) = figure.axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_xlim() == axes.get_ylim() == pytest.approx((1e-3, 1))  # the point before 30 is 10**-2.5
    (across, up) = lines(axes)["guessing"].T
    assert across.tolist() == up.tolist() == pytest.approx([1e-3, 1])
    named = [label.get_text().replace("\u00a0", " ") for label in axes.get_xticklabels()]
    assert named == ["0.1 %", "1 %", "10 %", "100 %"]
    assert drawn_curves(a_report(), some_arrays(first=0)).axes[0].get_xlim()[0] == pytest.approx(1e-4)
    arrays = some_arrays(first=60)
    arrays["curve_low"][-1][0][60:70] = 0  # no logarithm
    points = drawn_curves(a_report(), arrays).axes[0].collections[0].get_paths()[0].vertices
    assert points.min() >= 1e-4


def test_a_curve_that_is_told_nowhere_is_left_out():
    arrays = some_arrays()
    for name in ("low", "median", "high"):
        arrays[f"curve_{name}"][-1][2] = nan
    assert list(lines(drawn_curves(a_report(), arrays).axes[0])) == ["guessing", "LiRA", "loss"]
    assert not curves_of(some_arrays(first=80))
    assert list(curves_of(some_arrays(names=NAMES[:2]))) == ["lira"]


def test_the_title_says_of_areas_what_is_clear(assert_readable):
    text = words(drawn_curves(a_report(lira=0.001), some_arrays()), assert_readable)
    assert "LiRA does not clearly tell training examples of width 8 from others" in text
    text = words(drawn_curves(a_report(blocks=2), some_arrays()), assert_readable)
    assert "At width 8 the area under LiRA's curve is 0.74, where guessing gives 0.50" in text


# privacy.png


def test_rates_stand_over_size_with_their_intervals_at_the_smallest_false_positive_rate(assert_readable):
    report = a_report()
    figure = draw_by_size(setting_of(report), report)
    text = words(figure, assert_readable)
    (axes,) = figure.axes
    drawn = bars(axes, 1)
    assert list(drawn) == ["LiRA", "RMIA", "loss"]
    for name, label in (("lira", "LiRA"), ("rmia", "RMIA"), ("loss", "loss")):
        found = [next(one for one in row.attacks if one.attack == name).rates[0].true_positive for row in report.sizes]
        points, ends = drawn[label]
        assert points[:, 1] == pytest.approx([one.value for one in found])
        assert ends == pytest.approx(np.array([(one.low, one.high) for one in found]))
    assert lines(axes)["guessing"][:, 1] == pytest.approx(0.001)
    found = ranged(0.24, 0.024)
    ends = f"{100 * found.low:.0f} % to {100 * found.high:.0f} %"
    assert f"At width 8 LiRA finds 24 % (95 % interval {ends}) of a model's training examples at 0.1 %" in text
    assert "false positives, more than at width 2" in text
    assert "20 %" in [label.get_text().replace("\u00a0", " ") for label in axes.get_yticklabels()]


@pytest.mark.parametrize(
    ("change", "said"), [(-0.2, ", less than at width 2"), (0.005, ", not clearly more or less than at width 2")]
)
def test_the_title_says_of_sizes_what_is_clear(change, said, assert_readable):
    report = a_report(change=change)
    assert said in words(draw_by_size(setting_of(report), report), assert_readable)


def untold(report, at, attack, rates):
    """The report without the rates of an attack at a size."""

    def changed(found):
        nothing = Ranged(value=nan)
        return replace(
            found,
            rates=tuple(
                replace(one, true_positive=nothing, false_positive=nan, left_out="few") if n < rates else one
                for n, one in enumerate(found.rates)
            ),
        )

    row = report.sizes[at]
    attacks = tuple(changed(one) if one.attack == attack else one for one in row.attacks)
    return replace(report, sizes=(*report.sizes[:at], replace(row, attacks=attacks), *report.sizes[at + 1 :]))


def test_the_rate_is_the_smallest_that_every_size_tells(assert_readable):
    report = a_report()
    assert smallest_rate(report) == 0.001
    assert smallest_rate(untold(report, 0, "lira", 1)) == 0.01
    none = untold(report, 0, "lira", 2)
    assert smallest_rate(none) == 0.001
    figure = draw_by_size(setting_of(none), none)
    points, _ = bars(figure.axes[0], 1)["LiRA"]
    assert np.isnan(points[:, 1]).tolist() == [True, False, False]
    text = words(figure, assert_readable)
    assert "Of LiRA too few held-out examples are beyond the threshold at width 2." in text
    assert smallest_rate(a_report(told=False)) is None


def test_an_attack_without_a_rate_is_not_drawn():
    report = a_report(sizes=(2, 4))
    for at in (0, 1):
        report = untold(report, at, "rmia", 2)
    assert list(bars(draw_by_size(setting_of(report), report).axes[0], 1)) == ["LiRA", "loss"]


def test_without_four_blocks_there_are_no_intervals(assert_readable):
    report = a_report(blocks=2)
    figure = draw_by_size(setting_of(report), report)
    assert all(ends is None for _, ends in bars(figure.axes[0], 1).values())
    assert "No intervals: they need four blocks of models." in words(figure, assert_readable)


# privacy-types.png


def test_every_type_has_its_row_and_colour_with_members_and_non_members(assert_readable):
    report = a_report()
    figure = draw_by_type(setting_of(report), report)
    text = words(figure, assert_readable)
    (axes,) = figure.axes
    drawn = bars(axes, 0)
    types = report.sizes[-1].types[:-2]
    assert list(drawn) == [label for one in types for label in (one.type, f"{one.type}, non-members")]
    for at, one in enumerate(types):
        for label, found in ((one.type, one.true_positive), (f"{one.type}, non-members", one.false_positive)):
            points, ends = drawn[label]
            assert points[:, 0] == pytest.approx([found.value])
            assert np.floor(points[:, 1]).tolist() == [at]
            assert ends == pytest.approx(np.array([(found.low, found.high)]))
        (colour,) = {container[0].get_color() for container in axes.containers if container.get_label() == one.type}
        assert colour == TYPE_STYLES[one.type][0]
    assert axes.get_yticklabels()[0].get_text() == "constant (100)"
    assert lines(axes)["all"][:, 0] == pytest.approx(0.24)
    assert "LiRA finds u-shaped examples most at width 8: 50 % (95 % interval" in text
    assert "where it finds 24 % of all" in text
    assert axes.get_ylim() == (5, 0)


def test_a_type_that_overlaps_another_or_has_few_examples_is_not_found_most(assert_readable):
    report = a_report()
    row = report.sizes[-1]

    def title(types):
        changed = replace(report, sizes=(*report.sizes[:-1], replace(row, types=types)))
        return words(draw_by_type(setting_of(changed), changed), assert_readable)

    u_shaped = row.types[4]
    beside = replace(row.types[3], true_positive=ranged(0.48, 0.02))
    assert "LiRA finds u-shaped examples more often than all at width 8" in title(
        (*row.types[:3], beside, *row.types[4:])
    )
    few = (*row.types[:4], replace(u_shaped, examples=3.0), *row.types[5:])
    assert "LiRA finds cap-shaped examples most at width 8" in title(few)


def test_no_type_is_named_that_is_not_clearly_above_all(assert_readable):
    report = a_report()
    rows = report.sizes[-1].types
    none = replace(report.sizes[-1], types=(rows[0], rows[-1]))
    report = replace(report, sizes=(*report.sizes[:-1], none))
    assert "No type of trajectory is clearly found more than all examples are at width 8" in words(
        draw_by_type(setting_of(report), report), assert_readable
    )


# privacy-calibration.png


def test_the_transform_is_drawn_by_side_and_third_at_the_largest_size_beside_what_is_expected(assert_readable):
    arrays, report = some_arrays(), a_report()
    row = report.sizes[-1]
    low = tuple(replace(one, below=0.017) if one.member and one.third == 1 else one for one in row.calibration)
    report = replace(report, sizes=(*report.sizes[:-1], replace(row, calibration=low)))
    figure = draw_calibration(setting_of(report), report, densities_of(arrays))
    text = words(figure, assert_readable)
    counts = arrays["transform"][-1]
    for axes, side in zip(figure.axes, counts, strict=True):
        drawn = lines(axes)
        assert drawn.pop("expected")[:, 1].tolist() == [1, 1]
        assert list(drawn) == ["narrow", "middle", "wide"]
        for line, of_third in zip(drawn.values(), side, strict=True):
            assert line[:-1, 0] == pytest.approx(np.arange(20) / 20)
            assert line[:-1, 1] == pytest.approx(of_third / of_third.mean())
    assert [axes.get_ylabel() for axes in figure.axes] == ["members: density", "non-members: density"]
    assert "At width 8, of members in one third of the examples, 1.7 % lie in the lowest twentieth" in text
    assert "12,000 pairs" in text


def test_results_from_before_the_transform_was_counted_have_no_such_figure():
    arrays = some_arrays()
    nothing = np.zeros_like(arrays["transform"])
    assert densities_of({**arrays, "transform": nothing}) is None
    del arrays["transform"]
    assert "privacy-calibration" not in [name for name, _ in figures(None, arrays, a_report())]


# all


@pytest.mark.parametrize("style", list(LOOKS))
@pytest.mark.parametrize("sizes", GRIDS)
def test_all_figures_are_readable_in_every_style(sizes, style, assert_readable):
    report = a_report(sizes, "depth" if len(sizes) == 5 else "width", data=LONG, family=LONG)
    with drawn_for(style):
        drawn = list(figures(None, some_arrays(len(sizes)), report))
        assert [name for name, _ in drawn] == ["privacy-roc", "privacy", "privacy-types", "privacy-calibration"]
        for _, figure in drawn:
            assert_readable(figure)
            for legend in figure.legends:
                box = legend.get_window_extent()
                assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
            assert figure.get_figwidth() == pytest.approx(3.3) if style == "paper" else 5 < figure.get_figwidth() < 14


def test_what_is_not_told_is_not_drawn():
    report = a_report(told=False, types=False)
    assert [name for name, _ in figures(None, some_arrays(), report)] == ["privacy-roc", "privacy-calibration"]
    assert not told_types(report)
    assert [name for name, _ in figures(None, some_arrays(first=81), report)] == ["privacy-calibration"]


def test_no_figure_promises_anything(assert_readable):
    for _, figure in figures(None, some_arrays(), a_report()):
        text = words(figure, assert_readable).lower()
        assert "protect" not in text
        assert "safe" not in text
        assert "what these attacks do not find others may" in text
