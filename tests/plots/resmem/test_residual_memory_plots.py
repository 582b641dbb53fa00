"""The figures of `memscope resmem` show the numbers they are given, whatever is not known, and can be read."""

from dataclasses import fields, replace
from math import log2, nan

import numpy as np
import pytest
from PIL import Image

from memscope.analysis.trajectories import TYPES
from memscope.errors import RunError
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.plots.common.setting import Setting
from memscope.plots.common.style import TYPE_STYLES
from memscope.plots.resmem.figures import figures
from memscope.plots.resmem.overview import draw_residual_memory, measured
from memscope.plots.resmem.predictions import draw_residual_memory_predicts
from memscope.plots.resmem.types import draw_residual_memory_types, known_types
from memscope.reports.keys import keys_of, report_of
from memscope.reports.resmem import (
    HyperparameterGrid,
    MemoryChange,
    ModelsOnSubsets,
    ResidualPrediction,
    ResmemReport,
    SizeMemory,
    SizeMemoryOnAll,
    TypeMemory,
    TypeMemoryAtSize,
)
from memscope.run import create_or_open
from memscope.steps.resmem import draw_resmem_figures
from memscope.store.results import write_results

GRIDS = [(8,), (2, 4), tuple(2**k for k in range(8)), (10, 11, 12, 64, 65)]


def a_setting(sizes=(2, 4, 8), axis="width"):
    return Setting(
        data="a/long/path_with_$signs$/" * 8,
        family="my_package.networks:build_$_net" * 3,
        axis=axis,
        sizes=np.array(sizes),
        models=(20,) * len(sizes),
        fraction=0.7,
        examples=1000,
        flipped=None,
        epsilon=0.2,
        confidence=np.nan,
        blocks=6,
    )


def read(kind, keys):
    """A row as the figures get it; what they do not show is 0."""
    return report_of(kind, {each.name: 0 for each in fields(kind)} | keys)


def rows_of(sizes=(2, 4, 8), errors=True):
    """Every number is different, so that none can stand in the place of another."""
    rows = []
    for k, size in enumerate(sizes):
        base = {
            "mean_score": 0.10 + 0.020 * k,
            "mean_accuracy_in": 0.80 + 0.021 * k,
            "mean_accuracy_out": 0.60 + 0.022 * k,
            "test_accuracy": 0.62 + 0.023 * k,
            "test_accuracy_sd": 0.012 + 0.001 * k if errors else None,
        }
        resmem = {
            "mean_score": 0.40 - 0.025 * k,
            "mean_accuracy_in": 0.995,
            "mean_accuracy_out": 0.63 + 0.016 * k,
            "test_accuracy": 0.66 + 0.018 * k,
            "test_accuracy_sd": 0.016 + 0.001 * k if errors else None,
        }
        unshown = {each.name: 0 for each in fields(MemoryChange) if each.name != "by_label"}
        rows.append(
            unshown
            | {
                "size": size,
                "models": 20,
                "k": 10 if errors else 3 * k + 1,
                "sigma": 0.5,
                "temperature": 1.0,
                "at_edge": ["k", "sigma"] if k == 0 and errors else [],
                "selection": {"models": 10, "queries": 300, "base_accuracy": 0.5, "accuracy": 0.6} if errors else None,
                "base": base,
                "resmem": resmem,
                "mean_change": resmem["mean_score"] - base["mean_score"],
                "mean_change_error": 0.013 if errors else None,
                "test_change": resmem["test_accuracy"] - base["test_accuracy"],
                "mean_residual_in": 0.71 / (k + 1),
                "flip_out": 0.073,
                "harm_out": 0.031,
            }
        )
    return [read(SizeMemory, row) for row in rows]


def full_of(sizes=(2, 4, 8), errors=True):
    rows = []
    for k, size in enumerate(sizes):
        base = {"test_accuracy": 0.67 + 0.01 * k, "test_accuracy_sd": 0.003 if errors else None, "train_accuracy": 0}
        resmem = {"test_accuracy": 0.69 + 0.012 * k, "test_accuracy_sd": 0.004 if errors else None, "train_accuracy": 0}
        rows.append(read(SizeMemoryOnAll, {"size": size, "models": 2, "base": base, "resmem": resmem}))
    return rows


def types_of(sizes=(2, 4, 8), errors=True, types=TYPES):
    rows = []
    for t, name in enumerate(types):
        at_sizes = [
            {
                "size": size,
                "residual": (0.9 - 0.1 * t) / (k + 1),
                "residual_error": 0.02 + 0.001 * t if errors else None,
                "gain_out": 0.05 - 0.015 * t - 0.002 * k,
                "gain_out_error": 0.01 + 0.001 * k if errors else None,
            }
            for k, size in enumerate(sizes)
        ]
        each = tuple(read(TypeMemoryAtSize, keys) for keys in at_sizes)
        rows.append(TypeMemory(type=name, examples=100.5 + 20 * t, sizes=each))
    return rows


def everywhere(row, **values):
    """A type with these values at every size."""
    return replace(row, sizes=tuple(replace(each, **values) for each in row.sizes))


def at_one_size(row, at, **values):
    """A type with these values at one of its sizes."""
    return replace(row, sizes=(*row.sizes[:at], replace(row.sizes[at], **values), *row.sizes[at + 1 :]))


def pairs_of(sizes=(2, 4, 8), errors=True):
    pairs = []
    for i, size in enumerate(sizes):
        for j, larger in enumerate(sizes):
            if larger > size:
                found = 0.7 - 0.06 * (j - i) - 0.01 * i
                low, high = (found - 0.05, found + 0.04) if errors else (None, None)
                keys = {"size": size, "larger": larger, "correlation": found, "low": low, "high": high}
                pairs.append(read(ResidualPrediction, keys))
    return pairs


def curves(axes):
    """Of each label: points [n, 2], and ends of the error bars [n, 2] or None."""
    found = {}
    for container in axes.containers:
        bars = container[2]
        ends = np.array([path.vertices[:, 1] for path in bars[0].get_paths()]) if bars else None
        found[container.get_label()] = (container[0].get_xydata(), ends)
    return found


def around(values, errors):
    return pytest.approx(np.stack([np.subtract(values, errors), np.add(values, errors)], axis=1))


# resmem.png


def test_base_and_resmem_stand_at_their_sizes_with_their_spread_or_the_error_of_the_change(assert_readable):
    rows = rows_of()
    figure = draw_residual_memory(a_setting(), rows, None)
    assert_readable(figure)
    tests, scores, accuracies = (curves(axes) for axes in figure.axes)
    for kind, name in (("base", "base"), ("resmem", "ResMem")):
        for panel, label, key in (
            (tests, name, "test_accuracy"),
            (scores, name, "mean_score"),
            (accuracies, f"in, {name}", "mean_accuracy_in"),
            (accuracies, f"out, {name}", "mean_accuracy_out"),
        ):
            values = [getattr(getattr(row, kind), key) for row in rows]
            assert panel[label][0] == pytest.approx(np.stack([[1, 2, 3], values], axis=1))  # log2 of 2, 4, 8
        values = [getattr(row, kind).test_accuracy for row in rows]
        assert tests[name][1] == around(values, [getattr(row, kind).test_accuracy_sd for row in rows])
        assert accuracies[f"in, {name}"][1] is None
    assert scores["base"][1] is None
    assert scores["ResMem"][1] == around([row.resmem.mean_score for row in rows], [0.013] * 3)
    assert figure.axes[2].get_yticks()[-1] == pytest.approx(1)


def test_models_of_the_full_data_are_open_markers_without_a_line(assert_readable):
    full = full_of((4, 8))
    figure = draw_residual_memory(a_setting(), rows_of(), full)
    texts = [text.replace("\u00a0", " ") for text in assert_readable(figure)]
    assert "trained on 70 % of the examples" in texts
    assert "trained on all of them" in texts
    drawn = {container.get_label(): container for container in figure.axes[0].containers}
    for kind, name in (("base", "base"), ("resmem", "ResMem")):
        line, _, bars = drawn[f"{name}, open"]
        values = [getattr(row, kind).test_accuracy for row in full]
        assert line.get_xydata() == pytest.approx(np.stack([[2, 3], values], axis=1))
        ends = np.array([path.vertices[:, 1] for path in bars[0].get_paths()])
        assert ends == around(values, [getattr(row, kind).test_accuracy_sd for row in full])
        assert line.get_markerfacecolor() == "white"
        assert line.get_linestyle() == "None"
        assert line.get_color() == drawn[name][0].get_color()
    at = [container[0].get_transform().transform((2.0, 0.7))[0] for container in drawn.values()]
    assert len(set(at)) == 4  # beside each other, so that no error bar covers another
    crowded = draw_residual_memory(a_setting((10, 11, 64), "depth"), rows_of((10, 11, 64)), full_of((10, 11, 64)))
    shifted = [box[0].get_transform().transform([(10.0, 0.7), (11.0, 0.7)])[:, 0] for box in crowded.axes[0].containers]
    assert max(first for first, _ in shifted) < min(second for _, second in shifted)
    assert "trained on all of them" not in assert_readable(draw_residual_memory(a_setting(), rows_of(), None))


@pytest.mark.parametrize("sizes", GRIDS)
@pytest.mark.parametrize(("axis", "errors"), [("width", True), ("depth", False)])
def test_the_overview_is_readable_for_any_sizes_with_and_without_errors(sizes, axis, errors, assert_readable):
    full = full_of(sizes, errors=False) if errors else None
    text = " ".join(assert_readable(draw_residual_memory(a_setting(sizes, axis), rows_of(sizes, errors), full)))
    assert ("one standard deviation over the models" in text) == errors
    assert ("No error bars" in text) != errors
    assert ("chosen on examples held out from other models" in text) == errors
    assert ("memory, as given" in text) != errors
    assert (f"At the edge of what was tried: k and sigma at {axis} {sizes[0]}." in text) == errors
    if len(sizes) > 1:
        assert (f"10, 0.5, 1 at every {axis}" in text) == errors
        assert (f"1, 0.5, 1 at {axis} {sizes[0]}; 4, 0.5, 1 at {axis} {sizes[1]}" in text) != errors


def test_the_title_tells_of_the_smallest_and_of_the_largest_size(assert_readable):
    text = " ".join(assert_readable(draw_residual_memory(a_setting(), rows_of(), None))).replace("\u00a0", " ")
    assert "by +4.0 points at width 2 and by +3.0 points at width 8; it changes the mean score by +0.30 and by" in text
    assert "mean norm 0.71 at width 2 and 0.24 at width 8" in text
    assert "turns 7.3 % right and 3.1 % wrong at width 2" in text


def test_a_size_whose_models_all_diverged_is_named_and_leaves_a_gap(assert_readable):
    rows = rows_of()
    rows[1] = replace(rows[1], models=0, base=None, resmem=None, change=None)
    figure = draw_residual_memory(a_setting(), rows, None)
    assert "No model of width 4 could be measured." in " ".join(assert_readable(figure))
    assert curves(figure.axes[0])["base"][0][:, 0].tolist() == [1, 3]
    assert figure.axes[0].get_xticks() == pytest.approx([1, 2, 3])
    assert not measured([rows[1]])


def test_numbers_that_are_not_known_are_dashes(assert_readable):
    unknown = dict.fromkeys(("mean_change", "test_change", "mean_residual_in", "flip_out", "harm_out"), nan)
    nothing = dict.fromkeys(each.name for each in fields(ModelsOnSubsets))
    rows = [
        replace(row, change=replace(row.change, **unknown), resmem=report_of(ModelsOnSubsets, nothing))
        for row in rows_of()
    ]
    figure = draw_residual_memory(a_setting(), rows, None)
    text = " ".join(assert_readable(figure))
    assert "by – points at width 2" in text
    assert np.isnan(curves(figure.axes[1])["ResMem"][0][:, 1]).all()
    assert [text.get_text() for text in figure.axes[1].texts] == ["base"]


# resmem-types.png


def test_residuals_and_gains_stand_at_their_sizes_with_their_errors(assert_readable):
    by_type = types_of()
    figure = draw_residual_memory_types(a_setting(), by_type)
    texts = assert_readable(figure)
    for axes, key in zip(figure.axes, ("residual", "gain_out"), strict=True):
        drawn = curves(axes)
        assert list(drawn) == list(TYPES)
        for row in by_type:
            points, ends = drawn[row.type]
            values = [getattr(each, key) for each in row.sizes]
            assert points == pytest.approx(np.stack([[1, 2, 3], values], axis=1))
            assert ends == around(values, [getattr(each, f"{key}_error") for each in row.sizes])
            low, high = axes.get_ylim()
            assert low < ends.min() <= ends.max() < high
        zero = {line.get_label(): line for line in axes.get_lines()}["zero"]
        assert list(zero.get_ydata()) == [0, 0]
        looks = [(box[0].get_color(), box[0].get_marker()) for box in axes.containers]
        assert looks == [TYPE_STYLES[name][:2] for name in TYPES]
    assert {f"{name} ({100.5 + 20 * t:,.0f})" for t, name in enumerate(TYPES)} <= set(texts)


@pytest.mark.parametrize("sizes", GRIDS[1:])
@pytest.mark.parametrize(("axis", "types"), [("width", TYPES), ("depth", TYPES[3:4])])
def test_types_are_readable_for_any_sizes_and_without_errors(sizes, axis, types, assert_readable):
    figure = draw_residual_memory_types(a_setting(sizes, axis), types_of(sizes, errors=False, types=types))
    assert "No error bars: they need more blocks of models." in " ".join(assert_readable(figure))
    assert all(ends is None for axes in figure.axes for _, ends in curves(axes).values())


def test_types_of_which_nothing_is_known_are_named(assert_readable):
    by_type = types_of()
    by_type[1] = everywhere(by_type[1], residual=nan)
    by_type[4] = replace(by_type[4], examples=0.0)
    by_type[5] = at_one_size(by_type[5], 0, residual=nan, gain_out=nan, gain_out_error=nan)
    figure = draw_residual_memory_types(a_setting(), by_type)
    assert list(curves(figure.axes[0])) == ["constant", "decreasing", "cap-shaped", "irregular"]
    assert "Nothing is known of increasing or u-shaped examples." in " ".join(assert_readable(figure))
    assert known_types([by_type[1], by_type[4]]) == known_types([replace(by_type[5], examples=nan)]) == []


def test_the_title_names_the_type_that_gains_most_if_it_is_not_rare_and_the_gain_is_more_than_noise(assert_readable):
    by_type = types_of()
    by_type[3] = at_one_size(by_type[3], 1, gain_out=0.1212)
    by_type[4] = replace(at_one_size(by_type[4], 1, gain_out=0.3), examples=49.0)

    def drawn(by_type):
        return " ".join(assert_readable(draw_residual_memory_types(a_setting(), by_type)))

    of_all = np.average([row.sizes[1].gain_out for row in by_type], weights=[row.examples for row in by_type])
    said = drawn(by_type)
    assert "gains most on cap-shaped examples: +12.1 points of accuracy out at width 4" in said
    assert f"where all examples gain {100 * of_all:+.1f} points" in said.replace("−", "-")
    assert "; too few models for errors" in drawn([everywhere(row, gain_out_error=nan) for row in by_type])
    for vague in ({"gain_out": -0.01}, {"gain_out": 0.04}, {"gain_out_error": 0.05}):
        said = drawn([everywhere(row, **vague) for row in by_type])
        assert "No type of example clearly gains more from a residual memory than the others, over width 2 to 8" in said
    unknown = drawn([everywhere(row, gain_out=nan) for row in by_type])
    assert "Residuals by type of trajectory over width 2 to 8" in unknown


# resmem-foretells.png


def test_a_line_for_each_small_size_runs_over_the_larger_ones_with_intervals(assert_readable):
    sizes = (2, 4, 8, 32)
    pairs = pairs_of(sizes)
    figure = draw_residual_memory_predicts(a_setting(sizes), pairs[::-1])
    texts = assert_readable(figure)
    (axes,) = figure.axes
    drawn = curves(axes)
    assert list(drawn) == ["width 2", "width 4", "width 8"]
    for size in sizes[:-1]:
        rows = [row for row in pairs if row.size == size]
        points, ends = drawn[f"width {size}"]
        assert points == pytest.approx(np.array([[log2(row.larger), row.correlation] for row in rows]))
        assert ends == pytest.approx(np.array([[row.low, row.high] for row in rows]))
        assert f"width {size}" in texts
    assert axes.get_xticks() == pytest.approx([2, 3, 5])
    assert axes.get_ylim()[0] < 0  # how far from nothing is seen
    text = " ".join(texts).replace("\u00a0", " ")
    assert "residuals at width 2 predict what is memorised at width 32: rank correlation +0.52" in text
    assert "(95 % interval +0.47 to +0.56)" in text


@pytest.mark.parametrize("sizes", GRIDS[1:])
@pytest.mark.parametrize(("axis", "errors"), [("width", True), ("depth", False)])
def test_the_forecasts_are_readable_for_any_sizes_with_and_without_intervals(sizes, axis, errors, assert_readable):
    figure = draw_residual_memory_predicts(a_setting(sizes, axis), pairs_of(sizes, errors))
    text = " ".join(assert_readable(figure))
    assert ("95\u00a0% interval" in text) == errors
    assert ("No intervals" in text) != errors
    looks = [(box[0].get_color(), box[0].get_marker()) for box in figure.axes[0].containers]
    assert len(set(looks)) == len(looks) == len(sizes) - 1


def test_correlations_that_are_not_known_are_left_out_and_intervals_cut_at_1(assert_readable):
    pairs = pairs_of()
    pairs[0] = replace(pairs[0], low=-3.0, high=2.5)
    pairs[1] = replace(pairs[1], correlation=nan, low=nan, high=nan)
    figure = draw_residual_memory_predicts(a_setting(), pairs)
    assert_readable(figure)
    drawn = curves(figure.axes[0])
    assert drawn["width 2"][0][:, 0].tolist() == [2]
    assert drawn["width 4"][0][:, 0].tolist() == [3]
    low, high = figure.axes[0].get_ylim()
    assert -1.2 < low < -1
    assert 1 < high < 1.2


# the step


def a_report(sizes=(2, 4, 8), by_type=True, full=True):
    return ResmemReport(
        run="run",
        axis="width",
        fraction=0.7,
        data="made up",
        family="cnn",
        examples=1000,
        flipped=None,
        epsilon=0.2,
        normalise="none",
        metric="euclidean",
        index="exact",
        reserved_block=0,
        grid=HyperparameterGrid(k=(1,), sigma=(1.0,), temperature=(1.0,)),
        sizes=tuple(rows_of(sizes)),
        full=tuple(full_of(sizes)) if full else None,
        by_type=tuple(types_of(sizes)) if by_type else None,
        foretells=tuple(pairs_of(sizes)),
    )


def test_only_what_is_known_is_drawn():
    one = a_report((4,), by_type=False, full=False)
    assert [name for name, _ in figures(one)] == ["resmem"]
    two = a_report((4, 8), full=False)
    two = replace(two, foretells=(replace(two.foretells[0], correlation=nan),))
    assert [name for name, _ in figures(two)] == ["resmem", "resmem-types"]
    lost = replace(one, sizes=(replace(one.sizes[0], base=None, resmem=None, change=None),))
    assert list(figures(lost)) == []


def test_the_step_writes_the_figures(tmp_path):
    data = DataChoice("made up", "0" * 64)
    plan = Plan(data, "cnn", "width", None, (2, 4, 8), 20, 0.7, 0, "float32", Recipe(epochs=1), unit=10)
    run = create_or_open(tmp_path / "run", plan)
    with pytest.raises(RunError, match="run memscope resmem"):
        draw_resmem_figures(run.path, tmp_path / "figures")
    write_results(run.path, plan, "resmem", {"size": np.array([2, 4, 8])}, "ledger", keys_of(a_report()))
    drawn = draw_resmem_figures(run.path, tmp_path / "figures")
    assert [path.name for path in drawn] == ["resmem.png", "resmem-types.png", "resmem-foretells.png"]
    for path in drawn:
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 400
