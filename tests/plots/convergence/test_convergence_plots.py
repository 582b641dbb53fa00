"""The figures of `memscope convergence` show the numbers of its report, in every style, and can be read."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from memscope.plots.common.look import LOOKS, drawn_for
from memscope.plots.convergence.errors import draw_errors
from memscope.plots.convergence.figures import figures, setting_of
from memscope.plots.convergence.types import draw_types, shown_types
from memscope.reports.convergence import OverSets
from tests.findings.made import convergence_report


def a_report(sizes=(2, 4, 8), blocks=10, **changes):
    given = {"data": "folder:images", "family": "cnn", "fraction": 0.7, "examples": 5000, "flipped": 100}
    return replace(convergence_report(sizes, blocks), **(given | changes))


def words(figure, assert_readable):
    return " ".join(assert_readable(figure)).replace("\u00a0", " ").replace("\n", " ")


def curves(axes):
    """Of each kind: values, and ends of the error bars that there are."""
    found = {}
    for container in axes.containers:
        ends = np.array([path.vertices[:, 1] for path in container[2][0].get_paths()]) if container[2] else None
        found[container.get_label()] = (container[0].get_xydata()[:, 1], ends)
    return found


def test_errors_stand_over_the_number_of_models_with_the_range_of_the_sets(assert_readable):
    report = a_report()
    figure = draw_errors(setting_of(report), report)
    text = words(figure, assert_readable)
    rows = report.judged
    assert [row.models for row in rows] == [10, 50]
    for at, axes in enumerate(figure.axes):
        drawn = curves(axes)
        values, ends = drawn["raw score, measured"]
        assert values == pytest.approx([row.sizes[at].error.value for row in rows])
        assert ends == pytest.approx(
            np.array([(row.sizes[at].error.lowest, row.sizes[at].error.highest) for row in rows])
        )
        ours, _ = drawn["population estimate, measured"]
        assert ours == pytest.approx([row.sizes[at].population_error.value for row in rows])
        rival, _ = drawn["the mean score for every example"]
        assert rival == pytest.approx([0.25] * len(rows))
        expected, _ = drawn["raw score, foretold"]
        assert expected == pytest.approx([row.sizes[at].expected for row in rows])
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert (
        "At width 8 scores of 10 models are off by 0.18, their population estimate by 0.06: as scores of 90 models"
        in text
    )
    assert "Of 4,000 examples, chosen at random." in text


def test_where_the_estimate_cannot_be_told_from_the_truth_no_number_of_models_is_named(assert_readable):
    report = a_report()
    exact = OverSets(value=0.0, lowest=0.0, highest=0.0)
    rows = tuple(
        replace(row, sizes=tuple(replace(size, population_error=exact, as_good_as=nan) for size in row.sizes))
        for row in report.rows
    )
    text = words(draw_errors(setting_of(report), replace(report, rows=rows)), assert_readable)
    assert "At width 8 scores of 10 models are off by 0.18" in text
    assert "as scores of" not in text


def test_shares_stand_over_the_number_of_models_beside_flat_ones(assert_readable):
    report = a_report()
    figure = draw_types(setting_of(report), report)
    text = words(figure, assert_readable)
    names = shown_types(report)
    assert len(names) == len(figure.axes) == 6
    for name, axes in zip(names, figure.axes, strict=True):
        drawn = curves(axes)
        for kind, values in (
            ("raw rule", [row.types.raw[name].value for row in report.rows]),
            ("raw rule, if all were flat", [row.types.if_all_flat[name] for row in report.rows]),
            ("fitted population", [row.types.population[name].value for row in report.rows]),
        ):
            assert drawn[kind][0] == pytest.approx(values)
    assert (
        "55 % are constant by the raw rule with 10 models, 100 % with 100; in the fitted population 60 % and 60 %"
        in text
    )


def test_a_type_that_nobody_has_has_no_panel_and_an_unknown_population_is_not_told(assert_readable):
    report = a_report()
    nobody, unknown = OverSets(value=0.0), OverSets(value=nan)
    rows = tuple(
        replace(
            row,
            types=replace(
                row.types,
                raw=row.types.raw | {"u-shaped": nobody},
                if_all_flat=row.types.if_all_flat | {"u-shaped": 0.0},
                population=dict.fromkeys(row.types.population, unknown),
            ),
        )
        for row in report.rows
    )
    without = replace(report, rows=rows)
    assert "u-shaped" not in shown_types(without)
    assert "in the fitted population" not in words(draw_types(setting_of(without), without), assert_readable)


def test_only_what_there_is_is_drawn():
    assert [name for name, _ in figures(a_report())] == ["convergence", "convergence-types"]
    assert [name for name, _ in figures(a_report(blocks=2))] == ["convergence-types"]
    assert [name for name, _ in figures(a_report(sizes=(4,)))] == ["convergence"]
    assert [name for name, _ in figures(a_report(blocks=1))] == []


@pytest.mark.parametrize("style", LOOKS)
@pytest.mark.parametrize("sizes", [(8,), (2, 4), tuple(2**k for k in range(8))])
def test_every_style_can_be_read(style, sizes, assert_readable):
    with drawn_for(style):
        for _, figure in figures(a_report(sizes=sizes, data="folder:" + "a_very_long_name/" * 20)):
            assert_readable(figure)
