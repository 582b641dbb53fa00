"""The figures of `memscope influence` show the numbers of its report and the run's own images, and can be read."""

import shutil
from dataclasses import replace
from math import nan

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from memscope.analysis.carriers import carriers
from memscope.plots.common.look import LOOKS, drawn_for
from memscope.plots.influence.figures import figures, setting_of
from memscope.plots.influence.overview import draw_overview
from memscope.reports.ranged import UNKNOWN
from memscope.run import open_run
from tests.made_influence import a_report, drawn, found, ranged, shown_of

LONG = "measured $by$ the_people of [a] place whose name is long/" * 6
GRIDS = [(8,), (2, 4), (10, 11, 12, 64, 65), tuple(2**k for k in range(12))]


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    path = tmp_path_factory.mktemp("influence") / "run"
    shutil.copytree(tiny_run, path)
    return open_run(path)


def words(figure, assert_readable):
    return " ".join(assert_readable(figure)).replace("\u00a0", " ").replace("\n", " ")


def curves(axes):
    """Of each label: values, and ends of the error bars."""
    found = {}
    for container in axes.containers:
        assert isinstance(container, ErrorbarContainer)
        ends = np.array([path.vertices[:, 1] for path in container[2][0].get_paths()]) if container[2] else None
        found[container.get_label()] = (container[0].get_xydata()[:, 1], ends)
    return found


def overview(report, run):
    return draw_overview(setting_of(run, report), report)


def test_pairs_stand_over_size_beside_those_by_class_and_by_chance_with_its_spread(run, assert_readable):
    report = a_report((2, 4, 8), pairs=(0, 90, 700))
    figure = overview(report, run)
    counts, beyond = (curves(axes) for axes in figure.axes)
    rows = [row.helpful for row in report.sizes]
    for name, values in (
        ("found", [0, 90, 700]),
        ("by class", [one.by_class for one in rows]),
        ("by chance", [one.by_chance for one in rows]),
    ):
        assert 10 ** counts[name][0] - 1 == pytest.approx(values)
    low, high = (10 ** counts["by chance"][1] - 1).T
    assert low == pytest.approx([one.by_chance - 2 * one.by_chance_sd for one in rows])
    assert high == pytest.approx([one.by_chance + 2 * one.by_chance_sd for one in rows])
    ticks = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert ticks == ["0", "1", "10", "100", "1,000"]
    ((values, ends),) = beyond.values()
    assert values == pytest.approx([one.pairs - one.by_class for one in rows])
    assert ends[-1] == pytest.approx([700 - 20 - 24, 700 - 20 + 24])
    text = words(figure, assert_readable)
    assert "700 helpful pairs at width 8, where chance alone would show 16 and what classes do as a whole 20" in text
    assert "700 more than at width 2 (95 % interval +676 to +724)" in text


def test_numbers_that_are_all_large_are_told_apart(run):
    figure = overview(a_report((2, 4), pairs=(9300, 8700), by_class=8500.0), run)
    low, high = 10 ** np.array(figure.axes[0].get_ylim())
    assert low > 500
    assert high < 20_000


def test_the_title_does_not_call_a_change_clear_that_is_not(run, assert_readable):
    report = a_report((2, 4))
    unclear = replace(report, changes=(replace(report.changes[0], change=ranged(-30.0, 40.0)),))
    assert "do not clearly change from width 2 on (95 % interval −110 to +50)" in words(
        overview(unclear, run), assert_readable
    )
    fewer = replace(report, changes=(replace(report.changes[0], change=ranged(-300.0, 40.0)),))
    assert "300 fewer than at width 2" in words(overview(fewer, run), assert_readable)
    unknown = replace(report, changes=(replace(report.changes[0], change=UNKNOWN),))
    assert "interval" not in words(overview(unknown, run), assert_readable)


def test_sizes_whose_pairs_are_not_listed_are_hollow(run, assert_readable):
    report = a_report((2, 4, 8), pairs=(30, 30, 700))
    figure = overview(report, run)
    (line,) = [line for line in figure.axes[0].get_lines() if line.get_label() == "not listed"]
    assert line.get_xydata()[:, 0].tolist() == [1, 2]
    assert "not listed: mostly there by chance or by class" in words(figure, assert_readable)
    listed = overview(a_report((2, 4), pairs=(300, 300)), run)
    assert "not listed" not in words(listed, assert_readable)


@pytest.mark.parametrize("among", ["test", "train"])
def test_each_training_image_stands_with_what_it_carries(run, among, assert_readable):
    report, values = drawn(run.path, a_report((2, 4, 8), pairs=(20, 60, 140), among=among))
    made = dict(figures(run, values, report))
    suffix = "-training" if among == "train" else ""
    assert list(made) == [f"influence{suffix}", f"carries{suffix}"]
    sheet = made[f"carries{suffix}"]
    text = words(sheet, assert_readable)
    data = run.dataset()
    seconds = data.train_images if among == "train" else data.test_images
    wanted, told = [], []
    for train, places in carriers(values, 8)[:10]:
        wanted.append(data.train_images[train])
        wanted += [seconds[values["test_example"][place]] for place in places[:8]]
        told.append(f"{values['memorisation'][places[0]]:.2f}")
        for place in places[:8]:
            value, error = values["influence"][place], values["standard_error"][place]
            told.append("–" if np.isnan(value) else f"{value:.2f} ± {error:.2f}".replace("-", "−"))
        told += [f"+ {len(places) - 8}"] if len(places) > 8 else []
    images = [np.asarray(image.get_array()) for image in sheet.axes[0].images]
    assert len(images) == len(wanted)
    assert all(np.array_equal(one, other[..., 0]) for one, other in zip(images, wanted, strict=True))
    assert all(each in text for each in told)
    assert f"{100 * report.sizes[-1].helpful.false_share:.0f} % are expected" in text


def test_the_largest_size_that_lists_pairs_is_shown_and_none_where_no_size_does(run, assert_readable):
    report = a_report((2, 4, 8), pairs=(200, 60, 30))
    report, values = drawn(run.path, report)
    assert "carry at width 4" in words(dict(figures(run, values, report))["carries"], assert_readable)
    report, values = drawn(run.path, a_report((2, 4), pairs=(30, 30)))
    assert list(dict(figures(run, values, report))) == ["influence"]


@pytest.mark.parametrize("part", ["test", "train"])
def test_the_example_that_was_asked_for_stands_with_what_helps_and_harms_it(run, part, assert_readable):
    report = a_report((2, 4))
    report = replace(report, shown=shown_of(run.path, report, part))
    _, values = drawn(run.path, report)
    figure = dict(figures(run, values, report))["influence-example"]
    text = words(figure, assert_readable)
    data = run.dataset()
    own, others = (data.test_images, data.train_images) if part == "test" else (data.train_images, data.test_images)
    wanted = [own[7]]
    for one in report.shown:
        for way in (one.helpful, one.harmful):
            wanted += [others[each.example] for each in way[:5]]
            assert all(f"{each.influence:.2f} ± 0.06".replace("-", "−") in text for each in way[:5])
        assert f"right {100 * one.accuracy:.0f} %" in text
    images = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    assert len(images) == len(wanted)
    assert all(np.array_equal(one, other[..., 0]) for one, other in zip(images, wanted, strict=True))


def test_where_nothing_helps_it_says_none(run, assert_readable):
    report = a_report((2,))
    (one,) = shown_of(run.path, report)
    report = replace(report, shown=(replace(one, helpful=(), harmful=one.harmful[:1]),))
    _, values = drawn(run.path, report)
    figure = dict(figures(run, values, report))["influence-example"]
    assert "none" in assert_readable(figure)
    assert "at width 2" in words(figure, assert_readable)


@pytest.mark.parametrize("style", list(LOOKS))
@pytest.mark.parametrize("sizes", GRIDS)
def test_all_figures_are_readable_in_every_style(run, sizes, style, assert_readable):
    axis = "depth" if len(sizes) == 5 else "width"
    report = a_report(sizes, axis, pairs=(300_000,) * len(sizes), by_class=12.3, data=LONG, family=LONG)
    report = replace(report, shown=shown_of(run.path, report))
    report, values = drawn(run.path, report)
    with drawn_for(style):
        for _, figure in figures(run, values, report):
            assert_readable(figure)
            assert figure.get_figwidth() == pytest.approx(3.3) if style == "paper" else 6 < figure.get_figwidth() < 14
    empty = replace(report, sizes=tuple(replace(row, helpful=found(0, nan, nan)) for row in report.sizes))
    with drawn_for(style):
        assert_readable(overview(empty, run))
