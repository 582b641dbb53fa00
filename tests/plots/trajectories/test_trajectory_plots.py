"""The figures show the numbers they are given, and all their text can be read."""

from dataclasses import fields, replace

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from PIL import Image

from memscope.analysis.trajectories import TYPES, UNDETERMINED
from memscope.datasets.duplicates import find_duplicates
from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import RunError
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.plots.common.look import LOOKS
from memscope.plots.common.setting import Setting
from memscope.plots.common.style import (
    FLIPPED,
    TYPE_STYLES,
    balanced,
    grid_of,
    percent,
    png,
    text_width,
    truncated,
    wrap,
)
from memscope.plots.trajectories.accuracy import draw_accuracy
from memscope.plots.trajectories.beyond_flat import headline
from memscope.plots.trajectories.contact_sheet import ExampleRow, draw_examples, most_certain
from memscope.plots.trajectories.histogram import EDGES, bin_shares, draw_histogram
from memscope.plots.trajectories.shares import draw_shares
from memscope.plots.trajectories.trajectories import draw_trajectories
from memscope.reports.keys import report_of
from memscope.reports.score import FlippedLabels, SizeScore
from memscope.reports.trajectories import PopulationTypes, RawTypeChange, TypesByLabel, TypeShares, TypesOfLabels
from memscope.run import create_or_open, grow
from memscope.steps.score import score
from memscope.steps.trajectories import draw_figures, trajectories
from memscope.store.examples import cache_images, write_examples
from memscope.store.ledger import Outcome, Task, write_outcome

NASTY = (
    "$x_1$ and $y^2$",
    "under_score_{braces}",
    "back\\slash \\frac{1}{2}",
    "a very long name of a class " * 5,
    "%&#~",
)


def a_setting(sizes=(2, 4, 8), axis="width", flipped=None, data="a/long/path_with_$signs$/" * 8, examples=1000):
    return Setting(
        data=data,
        family="my_package.networks:build_$_net",
        axis=axis,
        sizes=np.array(sizes),
        models=(20,) * len(sizes),
        fraction=0.7,
        examples=examples,
        flipped=flipped,
        epsilon=0.2,
        confidence=0.8,
    )


def types_of(num_sizes=3, elsewhere=True, errors=True, seed=0):
    """A row for each type, with random mean scores; on other models than named the type only if asked for."""
    random = np.random.default_rng(seed)
    rows = []
    for name in TYPES:
        nothing = dict.fromkeys(("rise", "rise_from_in", "rise_from_out", "fall", "fall_from_in", "fall_from_out"), 0.0)
        mean, other = (tuple(random.uniform(-0.2, 0.9, num_sizes)) for _ in range(2))
        row = RawTypeChange(type=name, raw=7, called=3, **nothing, mean_score=mean)
        if elsewhere:
            row = replace(row, score_elsewhere=other)
        if elsewhere and errors:
            low, high = (tuple(value + reach for value in other) for reach in (-0.07, 0.11))
            row = replace(row, low_elsewhere=low, high_elsewhere=high)
        rows.append(row)
    return rows


def lines_by_label(axes):
    return {line.get_label(): line for line in axes.get_lines()}


# trajectories.png


@pytest.mark.parametrize("sizes", [(2, 4), (2, 4, 8), (2, 4, 8, 16)])
def test_each_possible_type_has_a_panel_with_its_scores_on_other_models_and_the_grid_is_full(sizes, assert_readable):
    rows, everything = types_of(len(sizes)), np.linspace(0.1, 0.5, len(sizes))
    figure = draw_trajectories(a_setting(sizes), everything, some_shares(), rows)
    assert_readable(figure)
    possible = {2: TYPES[:3], 3: TYPES[:5], 4: TYPES}[len(sizes)]
    extra = ["all examples"] if len(sizes) == 3 else []
    assert [axes.get_title("left") for axes in figure.axes] == [*possible, *extra]
    assert len(figure.axes) % 3 == 0
    for axes, row in zip(figure.axes, rows, strict=False):
        if row.type not in possible:
            continue
        lines = lines_by_label(axes)
        assert lines[row.type].get_xdata() == pytest.approx(np.log2(sizes))
        assert lines[row.type].get_ydata() == pytest.approx(row.score_elsewhere)
        assert lines["named it"].get_ydata() == pytest.approx(row.mean_score)
        assert lines["all examples"].get_ydata() == pytest.approx(everything)
        band = axes.collections[0].get_paths()[0].vertices
        at_first = band[np.isclose(band[:, 0], np.log2(sizes[0])), 1]
        assert (at_first.min(), at_first.max()) == pytest.approx((row.low_elsewhere[0], row.high_elsewhere[0]))
        lowest, highest = axes.get_ylim()
        assert lowest < band[:, 1].min() <= band[:, 1].max() < highest
        assert axes.get_ylim() == figure.axes[0].get_ylim()
    assert figure.axes[1].get_title("right").replace("\u00a0", " ") == "25 %, if flat 10 %"


def test_with_one_block_the_panels_say_that_noise_has_the_shape_of_the_name_and_nothing_else_is_drawn(assert_readable):
    said = {}
    for known in ({"elsewhere": False}, {"errors": False}, {}):
        figure = draw_trajectories(a_setting(), np.zeros(3), some_shares(), types_of(**known))
        said[len(said)] = " ".join(assert_readable(figure))
        drawn = lines_by_label(figure.axes[0])
        assert ("constant" in drawn) == known.get("elsewhere", True)
        assert bool(figure.axes[0].collections) == (not known)
    assert "Means on other models are not known (they take two blocks); these have the shapes of" in said[0]
    assert "on other models" not in said[0].replace("Means on other models are", "")
    assert "No intervals: they need four blocks of models." in said[1]
    assert "its 95 % interval" not in said[1]
    assert "its 95 % interval" in said[2]


def test_a_type_without_examples_keeps_its_panel_and_examples_without_a_type_are_counted(assert_readable):
    rows = [replace(row, mean_score=None, score_elsewhere=None, low_elsewhere=None) for row in types_of()]
    shares = replace(some_shares(), undefined=1)
    figure = draw_trajectories(a_setting(), np.zeros(3), shares, [*rows[:3], *types_of()[3:]])
    assert len(figure.axes) == 6
    assert "1 examples are left out" in " ".join(assert_readable(figure))


@pytest.mark.parametrize(
    ("raised", "errors", "expected"),
    [
        ({}, 0.02, "25 % increasing, where flat trajectories alone would give 10 %"),
        (
            {"u-shaped": 0.3},
            0.02,
            "30 % u-shaped and 25 % increasing, where flat trajectories alone would give 6.0 %",
        ),
        ({}, 0.051, "no type is clearly more frequent than flat trajectories alone would make it"),
        ({}, np.nan, "25 % increasing, 10 % if all were flat; errors are not known"),
        ({"constant": 0.9}, 0.06, "no type is clearly more frequent than flat trajectories alone would make it"),
    ],
)
def test_the_headline_names_only_what_flat_trajectories_do_not_give(raised, errors, expected):
    shares = some_shares(errors)
    assert headline(replace(shares, raw=shares.raw | raised), 5).replace("\u00a0", " ").startswith(expected)


@pytest.mark.parametrize(
    "sizes", [(1, 64), tuple(2**k for k in range(10)), (10, 11, 12, 64, 65), (4, 5, 6, 7, 8, 9, 10, 11, 12, 4096)]
)
@pytest.mark.parametrize("axis", ["width", "depth"])
def test_the_ticks_are_the_sizes_and_do_not_crowd(sizes, axis, assert_readable):
    figure = draw_trajectories(a_setting(sizes, axis), np.zeros(len(sizes)), some_shares(), types_of(len(sizes)))
    assert_readable(figure)
    ticks = figure.axes[0].get_xticks()
    assert ticks == pytest.approx(np.log2(sizes) if axis == "width" else sizes)
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert (labels[0], labels[-1]) == (str(sizes[0]), str(sizes[-1]))
    assert all(label in ("", str(size)) for label, size in zip(labels, sizes, strict=True))


def test_types_differ_by_more_than_their_colour():
    shapes = {(marker, line) for _, marker, line in TYPE_STYLES.values()}
    assert len(shapes) == len({colour for colour, _, _ in TYPE_STYLES.values()}) == len(TYPE_STYLES) == 7
    assert FLIPPED not in {colour for colour, _, _ in TYPE_STYLES.values()}


# shares.png


def some_shares(error=0.02):
    raw = dict(zip(TYPES, (0.5, 0.25, 0.1, 0.08, 0.05, 0.02), strict=True))
    flat = dict(zip(TYPES, (0.6, 0.1, 0.1, 0.1, 0.06, 0.04), strict=True))
    called = dict(zip((*TYPES, UNDETERMINED), (0.3, 0.22, 0.03, 0.0, 0.004, 0.0, 0.446), strict=True))
    return TypeShares(
        sizes=(2, 4, 8),
        raw=raw,
        raw_error=dict.fromkeys(TYPES, error),
        called=called,
        if_all_flat=flat,
        if_all_flat_called=called,
        undefined=0,
    )


def bar_lengths(axes, container):
    return [bar.get_width() for bar in axes.containers[container]]


@pytest.mark.parametrize("noise", [False, True])
def test_the_bars_are_as_long_as_the_shares(noise, assert_readable):
    shares = some_shares()
    by_label = None
    if noise:
        other = dict(zip((*TYPES, UNDETERMINED), (0, 0.9, 0, 0, 0, 0, 0.1), strict=True))
        by_label = TypesByLabel(
            flipped=TypesOfLabels(raw={}, called=other), clean=TypesOfLabels(raw={}, called=shares.called)
        )
    figure = draw_shares(a_setting(flipped=100 if noise else None), shares, by_label)
    texts = assert_readable(figure)
    axes = figure.axes[0]
    bars = [container for container in axes.containers if hasattr(container, "patches")]
    expected = [shares.raw, shares.if_all_flat, {name: shares.called[name] for name in TYPES}]
    for container, values in zip(bars, [*expected, {"": 0.446}], strict=True):
        assert [bar.get_width() for bar in container] == pytest.approx(list(values.values()))
    middles = [bar.get_y() + bar.get_height() / 2 for bar in bars[1]]
    assert middles == pytest.approx(axes.get_yticks()[:6])
    assert bars[3][0].get_y() + bars[3][0].get_height() / 2 == pytest.approx(axes.get_yticks()[6])
    assert "45\u00a0%" in texts
    assert len(figure.axes) == (2 if noise else 1)
    if noise:
        assert bar_lengths(figure.axes[1], 0) == pytest.approx([0, 0.9, 0, 0, 0, 0, 0.1])
        assert bar_lengths(figure.axes[1], 1) == pytest.approx(list(shares.called.values()))


def a_population():
    shares = dict.fromkeys(TYPES, 0.0) | {"constant": 0.6, "increasing": 0.4}
    return PopulationTypes(
        shares=shares,
        shares_error=dict.fromkeys(TYPES, 0.01),
        shares_low=dict.fromkeys(TYPES, 0.0) | {"constant": 0.52, "increasing": 0.33},
        shares_high=dict.fromkeys(TYPES, 0.02) | {"constant": 0.65, "increasing": 0.46},
        called=dict.fromkeys(TYPES, 0.1) | {UNDETERMINED: 0.25},
        fitted_examples=1000,
        undefined=0,
    )


def test_a_population_that_is_told_leads_in_the_figures(assert_readable):
    figure = draw_shares(a_setting(), some_shares(error=0.03), None, a_population())
    said = " ".join(assert_readable(figure)).replace("\u00a0", " ").replace("\n", " ")
    assert "60 % constant (52 % to 65 %) and 40 % increasing (33 % to 46 %) in the fitted population" in said
    bars = [container for container in figure.axes[0].containers if hasattr(container, "patches")]
    long = [[bar_of(container, place)[1] for place in range(min(2, len(container)))] for container in bars]
    blue = next(container for container, ends in zip(bars, long, strict=True) if ends == pytest.approx([0.6, 0.4]))
    assert bar_of(blue, 0)[0] < min(bar_of(other, 0)[0] for other in bars if other is not blue)  # above the others
    reach = [line.get_segments() for line in figure.axes[0].collections]
    assert any((ends[0][0][0], ends[0][1][0]) == pytest.approx((0.52, 0.65)) for ends in reach)
    assert any(bar_of(container, 0)[1] == pytest.approx(0.25) for container in bars)
    everything, rows = np.zeros(3), types_of()
    other = draw_trajectories(a_setting(), everything, some_shares(), rows, a_population())
    assert "in the fitted population" in " ".join(assert_readable(other)).replace("\n", " ")


def bar_of(container, place):
    """Where a bar is, and how long."""
    bar = container[place]
    return bar.get_y(), bar.get_width()


def test_the_error_bars_of_the_raw_shares_are_one_jackknife_error_each_way(assert_readable):
    figure = draw_shares(a_setting(), some_shares(error=0.03), None)
    reach = figure.axes[0].collections[0].get_segments()
    assert [(start[0], end[0]) for start, end in reach] == [
        pytest.approx((share - 0.03, share + 0.03)) for share in some_shares().raw.values()
    ]
    without = draw_shares(a_setting(), some_shares(error=np.nan), None)
    assert not without.axes[0].collections
    assert "they need four blocks of models" in " ".join(assert_readable(without))


# histogram.png

ENDS = np.array([[0.8, 0.6, 0.4], [0.0, 0.05, 0.123]])


def test_the_steps_are_the_shares_of_flipped_and_of_clean_labels(assert_readable):
    random = np.random.default_rng(2)
    scores = random.choice(np.linspace(-1, 1, 43), (3, 500))
    scores[1, 7] = np.nan
    flipped = np.arange(500) < 60
    figure = draw_histogram(a_setting(flipped=60), scores, flipped, *ENDS)
    assert_readable(figure)
    for size, axes in enumerate(figure.axes):
        drawn = {patch.get_label(): patch.get_data() for patch in axes.patches}
        for name, which in (("clean", ~flipped), ("flipped", flipped)):
            values = [value for value in scores[size, which] if not np.isnan(value)]
            for height, low, high in zip(drawn[name].values, EDGES[:-1], EDGES[1:], strict=True):
                assert height == pytest.approx(sum(low <= value < high for value in values) / len(values))


def test_scores_on_a_threshold_fall_on_the_side_that_the_marks_say(assert_readable):
    scores = np.float32([[0.1, 0.1, 0.0, 0.95], [0.9, 0.9, 0.91, -1.0]])
    at_threshold = bin_shares(scores[0])
    assert at_threshold[np.isclose(EDGES[:-1], 0.1)] == pytest.approx(0.5)
    assert bin_shares(scores[1]).sum() == pytest.approx(1)


def test_the_shares_at_the_ends_are_those_of_the_fitted_population(assert_readable):
    figure = draw_histogram(a_setting((2, 4)), np.zeros((2, 9)), None, np.array([0.61, 0.3]), np.array([0.02, np.nan]))
    texts = assert_readable(figure)
    assert "61\u00a0% < 0.1" in texts
    assert "30\u00a0% < 0.1" in texts
    assert "2.0\u00a0% > 0.9" in texts
    assert not any("nan" in text for text in texts)


@pytest.mark.parametrize("count", range(1, 11))
def test_a_histogram_of_any_number_of_sizes_is_readable(count, assert_readable):
    sizes = tuple(4 * 2**k for k in range(count))
    figure = draw_histogram(
        a_setting(sizes), np.random.default_rng(0).uniform(-1, 1, (count, 50)), None, *np.full((2, count), 0.3)
    )
    assert len(figure.axes) == count
    assert_readable(figure)


# accuracy.png


def accuracy_rows(errors=True, noise=True, sizes=(2, 4, 8)):
    """Sizes as the figure gets them; what it does not show is 0."""
    unshown = {each.name: 0 for each in fields(SizeScore) if each.name not in ("population", "noise", "flipped")}
    rows = []
    for k, size in enumerate(sizes):
        row = {
            "size": size,
            "mean_accuracy_in": 0.8 + 0.1 * k,
            "mean_accuracy_out": 0.7 + 0.02 * k,
            "test_accuracy": 0.71 + 0.03 * k,
            "test_accuracy_sd": 0.01 if errors else None,
            "mean_score": 0.1 + 0.08 * k,
            "mean_score_error": 0.01 * (k + 1) if errors else None,
            "interpolates": k == 2,
        }
        if noise:
            row |= {each.name: 0 for each in fields(FlippedLabels)}
            row |= {"mean_score_flipped": -0.04 + 0.5 * k, "mean_score_clean": 0.05 + 0.04 * k}
        rows.append(report_of(SizeScore, unshown | {"fit_warning": None, "diverged_models": ()} | row))
    return rows


@pytest.mark.parametrize(("errors", "noise"), [(True, True), (False, False)])
def test_accuracies_and_mean_scores_stand_at_their_sizes(errors, noise, assert_readable):
    figure = draw_accuracy(a_setting(flipped=10 if noise else None), accuracy_rows(errors, noise))
    assert_readable(figure)
    drawn = [{container.get_label(): container for container in axes.containers} for axes in figure.axes]
    assert drawn[0]["trained with the example (in)"][0].get_xydata() == pytest.approx(
        np.array([[1, 0.8], [2, 0.9], [3, 1.0]])
    )
    assert drawn[0]["trained without it (out)"][0].get_ydata() == pytest.approx([0.7, 0.72, 0.74])
    assert drawn[0]["test examples"][0].get_ydata() == pytest.approx([0.71, 0.74, 0.77])
    assert drawn[1]["all examples"][0].get_ydata() == pytest.approx([0.1, 0.18, 0.26])
    assert ("flipped labels" in drawn[1]) == noise
    if errors:
        segments = drawn[1]["all examples"][2][0].get_segments()
        assert [end[1] - start[1] for start, end in segments] == pytest.approx([0.02, 0.04, 0.06])
    for axes, name in ((figure.axes[0], "test examples"), (figure.axes[1], "all examples")):
        low, high = axes.get_ylim()
        values = next(c for c in axes.containers if c.get_label() == name)[0].get_ydata()
        assert low <= min(values) <= max(values) <= high


def test_only_sizes_that_interpolate_are_shaded(assert_readable):
    figure = draw_accuracy(a_setting(flipped=10), accuracy_rows())
    for axes in figure.axes:
        (shade,) = axes.patches
        assert shade.get_x() == pytest.approx(2.5)  # half-way from log2 4 to log2 8
    assert "models interpolate" in assert_readable(figure)
    none = draw_accuracy(a_setting(flipped=10), [replace(row, interpolates=False) for row in accuracy_rows()])
    assert "models interpolate" not in assert_readable(none)
    assert not none.axes[0].patches


def test_a_size_that_does_not_fit_as_it_could_is_named(assert_readable):
    rows = accuracy_rows()
    rows[1] = replace(rows[1], fit_warning="the median model fits less")
    caption = " ".join(assert_readable(draw_accuracy(a_setting(flipped=10), rows)))
    assert "warns of the fit at width 4: badly" in caption
    assert "warns" not in " ".join(assert_readable(draw_accuracy(a_setting(flipped=10), accuracy_rows())))


# examples.png


def test_the_most_certain_are_the_most_probable_called_ones_and_ties_are_from_everywhere():
    called = np.array(["increasing", "constant", "increasing", "increasing", UNDETERMINED])
    raw = np.array(["increasing", "constant", "increasing", "increasing", "u-shaped"])
    probability = np.zeros((5, 6))
    probability[:, 1] = [0.9, 0, 1, 0.9, 0.5]
    probability[4, 4] = 0.45
    first, *tied = most_certain("increasing", called, raw, probability).tolist()
    assert (first, set(tied)) == (2, {0, 3})
    assert most_certain("u-shaped", called, raw, probability).tolist() == [4]
    assert most_certain("irregular", called, raw, probability).tolist() == []
    many = np.array(["constant"] * 30)
    tied = [most_certain("constant", many, many, np.ones((len(many), 6))) for _ in range(2)]
    assert (tied[0] == tied[1]).all()
    assert len(set(tied[0])) == 10
    classes = tied[0] // (len(many) // 10)  # as a folder has them: one class after the other
    assert len(set(classes)) > 3


def example_rows(shape=(28, 28, 1), types=TYPES, flipped=True, names=NASTY):
    random = np.random.default_rng(3)
    rows = []
    for position, name in enumerate(types):
        n = 10 - position
        rows.append(
            ExampleRow(
                type=name,
                called=0 if position == 1 else 1_281_167,
                raw=1_281_167,
                names=tuple(f"#{number}" for number in random.integers(0, 1_281_167, n)),
                images=random.integers(0, 256, (n, *shape), dtype=np.uint8),
                labels=tuple(names[k % len(names)] for k in range(n)),
                true_labels=tuple(names[(k + 1) % len(names)] if flipped and k % 3 == 0 else None for k in range(n)),
                scores=random.uniform(-0.3, 1, (3, n)),
            )
        )
    return rows


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (224, 160, 3)])
def test_the_sheet_holds_every_image_as_it_is(shape, assert_readable):
    rows = example_rows(shape)
    figure = draw_examples(a_setting(flipped=3), rows, NASTY)
    assert_readable(figure)
    images = figure.axes[0].images
    assert len(images) == 10 + 9 + 8 + 7 + 6 + 5
    expected = [image for row in rows for image in row.images]
    for drawn, image in zip(images, expected, strict=True):
        assert np.array_equal(drawn.get_array(), image if shape[2] == 3 else image[:, :, 0])
        left, right, bottom, top = drawn.get_extent()
        assert (top - bottom) / (right - left) == pytest.approx(shape[0] / shape[1])
        if shape[2] == 1:
            assert drawn.get_clim() == (0, 255)


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 6, 3)])
@pytest.mark.parametrize(("greatest", "times"), [(1, "255"), (16, "15.9"), (17, "15"), (63, "4.05")])
def test_images_of_small_values_are_drawn_so_that_one_sees_them(shape, greatest, times, assert_readable):
    rows = [replace(row, images=row.images % (greatest + 1)) for row in example_rows(shape)]
    rows[0].images[0, 0, 0] = greatest
    rows[-1] = replace(rows[-1], images=np.minimum(rows[-1].images, 1))  # scaled as the others are
    figure = draw_examples(a_setting(flipped=3), rows, NASTY)
    expected = [image for row in rows for image in row.images]
    for drawn, image in zip(figure.axes[0].images, expected, strict=True):
        exact = image.astype(float) * 255 / greatest
        shown = np.asarray(drawn.get_array(), dtype=float).reshape(image.shape)
        assert np.abs(shown - exact).max() <= 0.5
        assert shown[image == greatest] == pytest.approx(255)
    said = " ".join(assert_readable(figure))
    assert f"Images are drawn {times} times as bright: no value is above {greatest} of 255." in said


@pytest.mark.parametrize("greatest", [0, 64, 255])
def test_images_that_are_seen_or_quite_black_are_drawn_as_they_are(greatest, assert_readable):
    rows = [replace(row, images=np.minimum(row.images, greatest)) for row in example_rows()]
    figure = draw_examples(a_setting(flipped=3), rows, NASTY)
    expected = [image for row in rows for image in row.images]
    for drawn, image in zip(figure.axes[0].images, expected, strict=True):
        assert np.array_equal(drawn.get_array(), image[:, :, 0])
    assert "bright" not in " ".join(assert_readable(figure))


SCRIPTS = ("猫", "แมวสีน้ำเงิน", "قطة سوداء", "🦊", "हिन्दी", "中华人民共和国一", "中华人民共和国二")


def test_names_in_any_script_are_readable_and_told_apart(assert_readable):
    """In whatever fonts this machine has."""
    figure = draw_examples(a_setting(flipped=3), example_rows(names=SCRIPTS), SCRIPTS)
    assert_readable(figure)
    rows = figure.axes[0].texts
    labels = {
        text.get_text() for text in rows if text.get_size() == LOOKS["screen"].tiny and text.get_weight() == "normal"
    }
    assert len(labels) == len(SCRIPTS)


def test_a_number_before_a_name_is_explained(assert_readable):
    names = ("a very long name of one", "a very long name of two")
    said = " ".join(assert_readable(draw_examples(a_setting(flipped=3), example_rows(names=names), names)))
    assert "0: a very" in said
    assert "true: 1: a" in said
    assert "the number of the class, from 0, and a colon come first" in said
    others = assert_readable(draw_examples(a_setting(flipped=3), example_rows(), NASTY))
    assert "number of the class" not in " ".join(others)


def test_flipped_labels_show_the_true_one_in_another_colour_and_names_are_no_mathematics(assert_readable):
    figure = draw_examples(a_setting(flipped=3), example_rows(), NASTY)
    texts = assert_readable(figure)
    assert any(text.startswith("true: under_") for text in texts)
    assert any(text.startswith("$x_1$") for text in texts)
    true = [text for text in figure.findobj(Text) if text.get_text().startswith("true: ")]
    assert len(true) == 4 + 3 + 3 + 3 + 2 + 2
    assert {to_hex(text.get_color()).upper() for text in true} == {FLIPPED}
    assert "1,281,167 by the" in " ".join(texts)  # the row without a called member says so


def test_the_small_trajectories_are_the_scores_on_one_scale_between_the_lines():
    rows = example_rows(types=("constant", "increasing"))
    figure = draw_examples(a_setting(), rows, NASTY)
    lines = figure.axes[0].get_lines()
    levels = [line.get_ydata()[0] for line in lines if line.get_label() == "level"]
    sparks = [line.get_ydata() for line in lines if line.get_label() != "level"]
    scores = np.concatenate([row.scores for row in rows], axis=1).T
    assert len(sparks) == len(scores) == 19
    for spark, expected, zero, one in zip(sparks, scores, levels[::2], levels[1::2], strict=True):
        assert (spark - zero) / (one - zero) == pytest.approx(expected)


# text


def test_text_is_wrapped_and_truncated_to_its_measured_width():
    text = "one two three four five six seven eight nine ten eleven twelve"
    lines = wrap(text, 9, 1.5)
    assert " ".join(lines) == text
    assert all(text_width(line, 9) <= 1.5 for line in lines)
    assert len(lines) > 2
    assert all(line[0] != "%" for line in wrap("from 70\u00a0% to 71\u00a0% to 72\u00a0% to 73\u00a0%", 9, 0.9))
    assert truncated("short", 9, 1.5) == "short"
    cut = truncated("x" * 5000, 9, 1.5)
    assert cut.endswith("…")
    assert 1.3 < text_width(cut, 9) <= 1.5


def test_percentages_keep_small_shares_apart_from_none():
    shares = [None, 0, 0.0001, 0.004, 0.0996, 0.5, 1]
    expected = ["–", "0 %", "< 0.1 %", "0.4 %", "10 %", "50 %", "100 %"]
    assert [percent(share).replace("\u00a0", " ") for share in shares] == expected


def test_a_grid_has_room_for_every_panel_and_no_empty_row():
    for panels in range(1, 12):
        rows, columns = grid_of(panels)
        assert (rows - 1) * columns < panels <= rows * columns
        assert columns <= 4


def test_a_matplotlibrc_neither_changes_a_figure_nor_is_changed():
    given = a_setting(), np.zeros(3), some_shares(), types_of()
    plain = png(draw_trajectories(*given))
    with matplotlib.rc_context({"text.usetex": True, "font.family": "serif", "figure.autolayout": True}):
        before = dict(matplotlib.rcParams)
        assert png(draw_trajectories(*given)) == plain
        assert dict(matplotlib.rcParams) == before


# the step


def a_run(path, sizes=(2, 4, 8), shape=(8, 8, 3), models=20, noise=True, names=NASTY, count=60, axis="width"):
    """A run with outcomes but without training: examples become memorised with size, unless they are easy."""
    random = np.random.default_rng(0)
    true = random.integers(0, len(names), count)
    labels = true.copy()
    if noise:
        labels[:6] = (labels[:6] + 1) % len(names)
    dataset = ImageDataset(
        spec="made up",
        train_images=random.integers(0, 256, (count, *shape), dtype=np.uint8),
        train_labels=labels,
        test_images=random.integers(0, 256, (20, *shape), dtype=np.uint8),
        test_labels=random.integers(0, len(names), 20),
        class_names=names,
        train_index=np.arange(count),
        test_index=np.arange(20),
        true_labels=true if noise else None,
    )
    data = DataChoice("made up", dataset.fingerprint)
    plan = Plan(data, "cnn", axis, None, sizes, models, 0.7, 0, "float32", Recipe(epochs=1), unit=10)
    run = create_or_open(path, plan)
    write_examples(path, dataset, find_duplicates(dataset.train_images, dataset.test_images))
    cache_images(path, dataset)
    hard = np.arange(count) % 2 == 0
    for k, size in enumerate(sizes):
        fits = (k + 0.5) / len(sizes)
        for first in range(0, models, 10):
            subset = np.stack([run.subset(model) for model in range(first, first + 10)])
            right = np.where(hard, np.where(subset, random.random(subset.shape) < fits, False), True)
            predicted = np.where(right, labels, (labels + 1) % len(names))
            outcome = Outcome(
                in_subset=subset,
                predicted_train=predicted,
                predicted_test=random.integers(0, len(names), (10, 20)),
                log_odds_train=np.zeros(subset.shape, np.float16),
                log_odds_test=np.zeros((10, 20), np.float16),
                epoch_loss=np.zeros((10, 1), np.float32),
                own_accuracy=((predicted == labels) & subset).sum(1) / subset.sum(1),
                diverged=np.zeros(10, bool),
                seconds=np.ones(10, np.float32),
                made_by={"device": "none"},
            )
            write_outcome(path, plan, Task("onehot", size, first, 10), outcome)
    return run


NAMES = ["trajectories.png", "shares.png", "histogram.png", "accuracy.png", "examples.png"]


@pytest.mark.parametrize(("sizes", "shape", "noise"), [((2, 4, 8), (8, 8, 3), True), ((2, 16), (12, 8, 1), False)])
def test_the_step_writes_every_figure_and_computes_missing_scores(tmp_path, sizes, shape, noise):
    run = a_run(tmp_path / "run", sizes, shape, noise=noise)
    trajectories(run.path)
    drawn = draw_figures(run.path, tmp_path / "figures")
    assert [path.name for path in drawn] == NAMES
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(NAMES)
    for path in drawn:
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 400
    assert (run.path / "results" / "score.h5").is_file()


def test_scores_of_other_models_than_the_trajectories_are_computed_again(tmp_path):
    run = a_run(tmp_path / "run", (2, 4))
    score(run.path)
    grown = grow(run, (8,), 20)
    a_run(run.path, (2, 4, 8))
    trajectories(run.path)
    draw_figures(run.path, tmp_path)
    assert grown.results("score")["size"].tolist() == [2, 4, 8]


def test_without_trajectories_the_step_says_what_to_run(tmp_path):
    run = a_run(tmp_path / "run", (2, 4))
    with pytest.raises(RunError, match="run memscope trajectories"):
        draw_figures(run.path, tmp_path / "figures")
    assert not (tmp_path / "figures").exists()


def test_balanced_lines_are_as_few_and_leave_no_word_alone():
    text = "one two three four five six seven eight nine ten eleven twelve thirteen"
    width = text_width(text, 9) - 0.1
    assert wrap(text, 9, width)[1] == "thirteen"
    first, second = balanced(text, 9, width)
    assert f"{first} {second}" == text
    assert text_width(second, 9) > 0.6 * text_width(first, 9)
