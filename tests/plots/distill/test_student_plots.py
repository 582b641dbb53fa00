"""The figures of `memscope distill` show the numbers they are given, whatever is not known, and can be read."""

import numpy as np
import pytest
from matplotlib.colors import LogNorm
from PIL import Image

from memscope.analysis.trajectories import TYPES
from memscope.errors import RunError
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.plots.common.compared import label_height, points, signed, spread
from memscope.plots.common.setting import Setting
from memscope.plots.distill.figures import figures
from memscope.plots.distill.scores import draw_distillation_scores as draw_scores
from memscope.plots.distill.students import draw_distillation as draw
from memscope.plots.distill.types import draw_distillation_types as draw_types
from memscope.plots.distill.types import has_changes
from memscope.reports.distill import DistillationSetting, DistillReport
from memscope.reports.keys import keys_of, report_of
from memscope.run import create_or_open
from memscope.steps.distill import draw_distill_figures
from memscope.store.results import write_results

EDGES = np.linspace(-1, 1, 41)
GRIDS = [(8,), (2, 4), tuple(2**k for k in range(8)), (10, 11, 12, 64, 65)]


def a_setting(sizes=(2, 4, 8), axis="width", flipped=None, data="a/long/path_with_$signs$/" * 8):
    return Setting(
        data=data,
        family="my_package.networks:build_$_net" * 3,
        axis=axis,
        sizes=np.array(sizes),
        models=(20,) * len(sizes),
        fraction=0.7,
        examples=1000,
        flipped=flipped,
        epsilon=0.2,
        confidence=np.nan,
        blocks=6,
    )


def students_of(sizes, errors=True, noise=False):
    """Every number is different, so that none can stand in the place of another."""
    rows = []
    for k, size in enumerate(sizes):
        onehot = {
            "mean_score": 0.10 + 0.020 * k,
            "mean_accuracy_in": 0.80 + 0.021 * k,
            "mean_accuracy_out": 0.60 + 0.022 * k,
            "test_accuracy": 0.62 + 0.023 * k,
        }
        distilled = {
            "mean_score": 0.09 - 0.005 * k,
            "mean_accuracy_in": 0.78 + 0.011 * k,
            "mean_accuracy_out": 0.61 + 0.024 * k,
            "test_accuracy": 0.65 + 0.025 * k,
        }
        error = {
            "mean_change_error": 0.011 + 0.001 * k,
            "mean_change_in_error": 0.021 + 0.001 * k,
            "mean_change_out_error": 0.031 + 0.001 * k,
            "test_change_error": 0.041 + 0.001 * k,
        }
        row = {
            "size": size,
            "models": 20 + k,
            "onehot": onehot,
            "distilled": distilled,
            "mean_change": distilled["mean_score"] - onehot["mean_score"],
            "test_change": distilled["test_accuracy"] - onehot["test_accuracy"],
            "inhibited": 0.21 + 0.01 * k,
            "raised": 0.051 + 0.001 * k,
            "inhibited_if_same": 0.11 + 0.01 * k,
            "raised_if_same": 0.091 + 0.001 * k,
            "undefined": 0,
            "mean_change_flipped": -0.31 if noise else None,
            "mean_change_clean": -0.02 if noise else None,
        }
        rows.append(row | (error if errors else dict.fromkeys(error)))
    return rows


def types_of(sizes, errors=True, types=TYPES):
    rows = []
    for t, name in enumerate(types):
        changes = []
        for k, size in enumerate(sizes):
            change = 0.05 - 0.03 * t + 0.004 * k
            low, high = (change - 0.06, change + 0.05) if errors else (None, None)
            changes.append({"size": size, "onehot": 0.3, "change": change, "low": low, "high": high})
        rows.append({"type": name, "examples": 100.5 + 50 * t, "changes": changes})
    return rows


def one_of(sizes=(2, 4, 8), teacher=16, on="subset", errors=True, noise=False, temperature=4.0):
    return {
        "setting": f"teacher-{teacher}-t{temperature:g}-w0.9{'-full' if on == 'full' else ''}",
        "teacher": teacher,
        "temperature": temperature,
        "soft_weight": 0.9,
        "teacher_on": on,
        "students": students_of(sizes, errors, noise),
        "by_type": types_of(sizes, errors),
        "trajectories": None,
    }


def read(one):
    """A setting as the figures get it; what they do not show is 0."""
    unshown = dict.fromkeys(("own_accuracy", "test_accuracy_sd"), 0.0)
    rest = dict.fromkeys(("blocks", "left_out", "seconds_onehot", "seconds", "teacher_seconds", "time_ratio"), 0)
    rest |= dict.fromkeys(("mean_change_in", "mean_change_out", "inhibited_error", "raised_error"), 0.0)
    students = [rest | row | {kind: unshown | row[kind] for kind in ("onehot", "distilled")} for row in one["students"]]
    return report_of(DistillationSetting, one | {"students": students})


def draw_distillation(setting, settings):
    return draw(setting, [read(one) for one in settings])


def draw_distillation_scores(setting, one, *histogram):
    return draw_scores(setting, read(one), *histogram)


def draw_distillation_types(setting, one):
    return draw_types(setting, read(one))


def curves(axes):
    """Of each label: points [n, 2], and reach of the error bars below and above [n, 2] or None."""
    found = {}
    for container in axes.containers:
        points_of, bars = container[0].get_xydata(), container[2]
        reach = np.array([path.vertices[:, 1] for path in bars[0].get_paths()]) if bars else None
        found[container.get_label()] = (points_of, reach)
    return found


# distillation.png


def test_one_hot_and_distilled_stand_at_their_sizes_and_the_error_of_the_change_at_the_distilled(assert_readable):
    one = one_of()
    figure = draw_distillation(a_setting(), [one])
    assert_readable(figure)
    panels = [
        [("", "mean_score", "mean_change_error")],
        [
            ("in, ", "mean_accuracy_in", "mean_change_in_error"),
            ("out, ", "mean_accuracy_out", "mean_change_out_error"),
        ],
        [("", "test_accuracy", "test_change_error")],
    ]
    for axes, measures in zip(figure.axes, panels, strict=True):
        drawn = curves(axes)
        assert len(drawn) == 2 * len(measures)
        for before, key, error_key in measures:
            for kind, name in (("onehot", "one-hot"), ("distilled", "distilled")):
                points_of, reach = drawn[before + name]
                values = np.array([row[kind][key] for row in one["students"]])
                assert points_of == pytest.approx(np.stack([[1, 2, 3], values], axis=1))  # log2 of 2, 4, 8
                if kind == "onehot":
                    assert reach is None
                else:
                    errors = np.array([row[error_key] for row in one["students"]])
                    assert reach == pytest.approx(np.stack([values - errors, values + errors], axis=1))
                low, high = axes.get_ylim()
                assert low < values.min() <= values.max() < high


def test_every_curve_is_labelled_at_its_end_in_its_colour():
    figure = draw_distillation(a_setting(), [one_of()])
    for axes in figure.axes:
        for container in axes.containers:
            (label,) = [text for text in axes.texts if text.get_text() == container.get_label()]
            assert label.get_color() == container[0].get_color()
            place, height = label.xy
            assert place == 3
            low, high = axes.get_ylim()
            at = (
                axes.get_position().height
                * figure.get_figheight()
                * (container[0].get_ydata()[-1] - low)
                / (high - low)
            )
            assert height * axes.get_position().height * figure.get_figheight() == pytest.approx(
                at, abs=1.6 * label_height()
            )


@pytest.mark.parametrize("sizes", GRIDS)
@pytest.mark.parametrize(("axis", "errors", "noise"), [("width", True, True), ("depth", False, False)])
def test_the_comparison_is_readable_for_any_sizes_with_and_without_errors(sizes, axis, errors, noise, assert_readable):
    setting = a_setting(sizes, axis, flipped=10 if noise else None)
    figure = draw_distillation(setting, [one_of(sizes, 4096, errors=errors, noise=noise)])
    text = " ".join(assert_readable(figure))
    assert ("jackknife standard error" in text) == errors
    assert ("No error bars" in text) != errors
    assert ("−0.31 on flipped" in text) == noise
    assert all((reach is not None) == errors for axes in figure.axes for label, (_, reach) in curves(axes).items()
               if label.endswith("distilled"))  # fmt: skip


def test_settings_stand_in_rows_on_common_scales_each_with_its_own_sizes(assert_readable):
    settings = [one_of((2, 4), 8), one_of((4,), 64, "full", temperature=0.12345678901), one_of((2, 4, 8), 64)]
    settings[2]["students"][0]["onehot"]["mean_score"] = 0.55
    figure = draw_distillation(a_setting(), settings)
    texts = assert_readable(figure)
    assert len(figure.axes) == 9
    for panel in range(3):
        rows = figure.axes[panel::3]
        assert len({axes.get_ylim() for axes in rows}) == 1
        assert len({axes.get_xlim() for axes in rows}) == 1
        ends = [[one["size"] for one in each["students"]] for each in settings]
        drawn = [np.exp2(axes.containers[0][0].get_xdata()).tolist() for axes in rows]
        assert drawn == [pytest.approx(sizes) for sizes in ends]
    assert figure.axes[0].get_ylim()[1] > 0.55
    assert "Teacher of width 8, temperature 4, soft weight 0.9" in texts
    assert any("width 64, trained on all the data (ablation), temperature 0.123457" in text for text in texts)
    assert "hands on the labels" in " ".join(texts)


def test_beyond_six_settings_the_caption_says_how_many_are_shown(assert_readable):
    settings = [one_of((8,), 16 + k) for k in range(7)]
    figure = draw_distillation(a_setting((8,)), settings)
    assert len(figure.axes) == 3 * 6
    assert "The first 6 of 7 settings are shown." in " ".join(assert_readable(figure))
    six = draw_distillation(a_setting((8,)), settings[:6])
    assert len(six.axes) == 3 * 6
    assert not any("are shown" in text.get_text() for text in six.texts)


def test_numbers_that_are_not_known_leave_a_gap(assert_readable):
    one = one_of()
    one["students"][2]["distilled"] = dict.fromkeys(one["students"][2]["distilled"])
    one["students"][1] |= dict.fromkeys(("mean_change", "mean_change_error", "test_change"))
    one["students"][0]["onehot"] = dict.fromkeys(one["students"][0]["onehot"])
    figure = draw_distillation(a_setting(), [one])
    assert_readable(figure)
    values = curves(figure.axes[0])["distilled"][0][:, 1]
    assert np.isnan(values).tolist() == [False, False, True]
    labels = {text.get_text(): text.xy[0] for text in figure.axes[0].texts}
    assert labels["one-hot"] == 3
    for row in one["students"]:
        row |= {"onehot": dict.fromkeys(row["onehot"]), "distilled": dict.fromkeys(row["distilled"])}
    assert_readable(draw_distillation(a_setting(), [one]))


def test_no_panel_goes_beyond_what_an_accuracy_can_be():
    one = one_of()
    for row in one["students"]:
        row["distilled"]["mean_accuracy_in"] = 0.99
        row["mean_change_in_error"] = 0.2
    ticks = draw_distillation(a_setting(), [one]).axes[1].get_yticks()
    assert ticks[-1] == pytest.approx(1)


def test_the_title_is_of_the_size_whose_mean_score_changes_most(assert_readable):
    small, large = one_of(teacher=32), one_of(teacher=64)
    large["students"][1] |= {"mean_change": 0.25, "test_change": -0.0123}
    large["students"][1]["onehot"] |= {"mean_score": 0.1, "test_accuracy": 0.7}
    large["students"][1]["distilled"] |= {"mean_score": 0.35, "test_accuracy": 0.6877}
    text = " ".join(assert_readable(draw_distillation(a_setting(), [small, large]))).replace("\u00a0", " ")
    assert "Distilled from width 64, students of width 4 change most, in 2 settings, in what they memorise" in text
    assert "the mean score goes from 0.10 to 0.35, test accuracy from 70 % to 69 % (−1.2 points)" in text
    alone = " ".join(assert_readable(draw_distillation(a_setting((4,)), [one_of((4,))])))
    assert "students of width 4: the mean score" in alone


# distillation-scores.png


def a_histogram(sizes, most=5000):
    counts = np.zeros((len(sizes), 40, 40), dtype=np.int64)
    random = np.random.default_rng(0)
    for k in range(len(sizes)):
        counts[k, 20 + k, 25:] = random.integers(1, 9, 15)
        counts[k, 39, 39] = most // (k + 1)
        counts[k, 30, 12 + k] = 2
    return counts


def test_the_squares_are_the_counts_with_the_one_hot_score_across(assert_readable):
    sizes = (2, 4, 8)
    counts = a_histogram(sizes)
    figure = draw_distillation_scores(a_setting(), one_of(sizes), counts, EDGES)
    assert_readable(figure)
    for axes, expected in zip(figure.axes[:3], counts, strict=True):
        (mesh,) = axes.collections
        drawn = mesh.get_array()
        across, up = np.meshgrid(np.arange(40), np.arange(40))
        assert np.array_equal(drawn.filled(0), expected[across, up])
        assert np.array_equal(drawn.mask, expected[across, up] == 0)
        corners = mesh.get_coordinates()
        assert np.asarray(corners[0, :, 0]) == pytest.approx(EDGES)
        assert np.asarray(corners[:, 0, 1]) == pytest.approx(EDGES)
        assert isinstance(mesh.norm, LogNorm)
        assert (mesh.norm.vmin, mesh.norm.vmax) == (1, 5000)
        assert axes.get_xlabel() == "one-hot score"
    assert figure.axes[0].get_ylabel() == "distilled score"


def test_the_diagonal_and_the_lines_of_epsilon_are_drawn_through_every_panel():
    figure = draw_distillation_scores(a_setting(), one_of(), a_histogram((2, 4, 8)), EDGES)
    for axes in figure.axes[:3]:
        lines = [line.get_xydata() for line in axes.get_lines()]
        offsets = [np.unique((line[:, 1] - line[:, 0]).round(9)).tolist() for line in lines]
        assert offsets == [[0], [-0.2], [0.2]]
        assert axes.get_xlim() == axes.get_ylim()
        low = axes.get_xlim()[0]
        assert -0.6 < low < -0.5  # the lowest score with an example is in the bin from -0.4


def test_the_panels_say_the_shares_beside_those_of_noise_alone(assert_readable):
    one = one_of()
    one["students"][1] |= {"raised": None, "raised_if_same": None}
    figure = draw_distillation_scores(a_setting(), one, a_histogram((2, 4, 8)), EDGES)
    texts = [text.replace("\u00a0", " ") for text in assert_readable(figure)]
    for shown in ("inhibited 22 % (noise alone 12 %)", "raised – (noise alone –)", "raised 5.3 % (noise alone 9.3 %)"):
        assert shown in texts
    title = " ".join(texts)
    assert "At width 8 distillation inhibits the memorisation of 23 % of the examples by more than 0.2" in title


@pytest.mark.parametrize(("sizes", "most"), list(zip(GRIDS, (1, 3_000_000) * 2, strict=True)))
def test_the_score_panels_are_readable_for_any_sizes_and_counts(sizes, most, assert_readable):
    one = one_of(sizes)
    one["students"][0]["undefined"] = 7
    figure = draw_distillation_scores(a_setting(sizes, "depth"), one, np.minimum(a_histogram(sizes, most), most), EDGES)
    texts = assert_readable(figure)
    assert len(figure.axes) == len(sizes) + 1
    assert ("1,000,000" in texts) == (most > 1)
    assert ("10" in texts) == (most == 1)  # of seven powers of ten every third has room
    assert "7 times a score is not defined" in " ".join(texts)
    empty = np.zeros((len(sizes), 40, 40), dtype=np.int64)
    assert draw_distillation_scores(a_setting(sizes), one, empty, EDGES).axes[0].get_xlim()[0] > -0.1


# distillation-types.png


def test_each_type_has_a_panel_with_its_changes_and_their_intervals(assert_readable):
    one = one_of()
    figure = draw_distillation_types(a_setting(), one)
    assert_readable(figure)
    assert [axes.get_title("left") for axes in figure.axes] == list(TYPES)
    for axes, row in zip(figure.axes, one["by_type"], strict=True):
        points_of, reach = curves(axes)[row["type"]]
        changes = row["changes"]
        assert points_of == pytest.approx(np.array([[k + 1, each["change"]] for k, each in enumerate(changes)]))
        assert reach == pytest.approx(np.array([[each["low"], each["high"]] for each in changes]))
        lines = {line.get_label(): line.get_xydata() for line in axes.get_lines()}
        assert lines["zero"][:, 1].tolist() == [0, 0]
        assert lines["all"] == pytest.approx(
            np.array([[k + 1, each["mean_change"]] for k, each in enumerate(one["students"])])
        )
        low, high = axes.get_ylim()
        assert low < min(0, reach.min()) < max(0, reach.max()) < high
        assert axes.get_ylim() == figure.axes[0].get_ylim()
    assert figure.axes[5].get_title("right").replace("\u00a0", " ") == "350 (35 %)"


@pytest.mark.parametrize(("sizes", "axis"), list(zip(GRIDS, ("depth", "width") * 2, strict=True)))
def test_without_intervals_there_are_no_bars_and_the_caption_says_so(sizes, axis, assert_readable):
    figure = draw_distillation_types(a_setting(sizes, axis), one_of(sizes, errors=False))
    assert "No intervals: they need two blocks of models in each half." in " ".join(assert_readable(figure))
    assert all(reach is None for axes in figure.axes for _, reach in curves(axes).values())


def test_a_type_without_a_change_has_no_panel_and_is_named(assert_readable):
    one = one_of()
    one["by_type"][3]["changes"] = []
    one["by_type"][4]["changes"][1] |= {"change": None, "low": None, "high": None}
    for change in one["by_type"][0]["changes"]:
        change |= {"change": None, "low": None, "high": None}
    figure = draw_distillation_types(a_setting(), one)
    text = " ".join(assert_readable(figure))
    assert [axes.get_title("left") for axes in figure.axes] == ["increasing", "decreasing", "u-shaped", "irregular"]
    assert "No change is known of constant or cap-shaped examples." in text
    assert np.isnan(curves(figure.axes[2])["u-shaped"][0][:, 1]).tolist() == [False, True, False]


def test_without_any_change_by_type_there_is_nothing_to_draw():
    one = one_of()
    assert has_changes(read(one))
    assert not has_changes(read(one | {"by_type": None}))
    rows = [row | {"changes": [change | {"change": None} for change in row["changes"]]} for row in one["by_type"]]
    assert not has_changes(read(one | {"by_type": rows}))
    assert not has_changes(read(one | {"by_type": [row | {"changes": []} for row in rows]}))


def test_intervals_wider_than_a_score_are_cut_and_the_caption_says_so(assert_readable):
    one = one_of()
    one["by_type"][0]["changes"][0] |= {"low": -5.0, "high": 5.1}
    figure = draw_distillation_types(a_setting(), one)
    assert "Those that leave a panel are cut." in " ".join(assert_readable(figure))
    low, high = figure.axes[0].get_ylim()
    assert -1.2 < low < -1
    assert 1 < high < 1.2
    whole = draw_distillation_types(a_setting(), one_of())
    assert "are cut" not in " ".join(assert_readable(whole))


def test_the_title_names_the_largest_change_of_a_type_that_is_not_rare_and_clearly_another(assert_readable):
    one = one_of()
    one["by_type"][5] |= {"examples": 49.0}
    one["by_type"][5]["changes"][0] |= {"change": -0.9, "low": -0.95, "high": -0.85}
    change = one["by_type"][2]["changes"][1]
    change |= {"change": -0.4, "low": -0.5, "high": -0.3}
    text = " ".join(assert_readable(draw_distillation_types(a_setting(), one)))
    assert "the scores of decreasing examples change by −0.40 at width 4; those of all examples by −0.04" in text
    for row in one["by_type"]:
        for change in row["changes"]:
            change |= {"low": -0.9, "high": 0.9}
    text = " ".join(assert_readable(draw_distillation_types(a_setting(), one)))
    assert "at width 8; those of no type clearly by more or less" in text


@pytest.mark.parametrize("errors", [True, False])
def test_types_of_students_of_one_size_stand_under_each_other_in_one_panel(errors, assert_readable):
    one = one_of((4,), errors=errors)
    figure = draw_distillation_types(a_setting(), one)
    assert "regression to the mean" in " ".join(assert_readable(figure))
    (axes,) = figure.axes
    drawn = {container.get_label(): container for container in axes.containers}
    assert [label.get_text().split(" (")[0] for label in axes.get_yticklabels()] == list(drawn) == list(TYPES)
    for place, row in enumerate(one["by_type"]):
        (change,) = row["changes"]
        line, _, bars = drawn[row["type"]]
        assert line.get_xydata().tolist() == [[pytest.approx(change["change"]), place]]
        assert bool(bars) == errors
        if errors:
            ends = bars[0].get_paths()[0].vertices[:, 0]
            assert sorted(ends) == pytest.approx([change["low"], change["high"]])


# numbers and labels


def test_labels_keep_their_order_and_move_no_more_than_they_must():
    random = np.random.default_rng(0)
    for count in (1, 2, 4, 7):
        wanted = random.uniform(0, 1, count).tolist()
        places = spread(wanted, 0.12, 0, 1)
        assert np.argsort(places, kind="stable").tolist() == np.argsort(wanted, kind="stable").tolist()
        assert (np.diff(np.sort(places)) >= 0.12 - 1e-9).all()
        assert min(places) >= 0
        assert max(places) <= 1 + 1e-9
    assert spread([0.2, 0.5, 0.9], 0.1, 0, 1) == pytest.approx([0.2, 0.5, 0.9])
    assert spread([0.5, 0.5], 0.2, 0, 1) == pytest.approx([0.4, 0.6])
    assert spread([0.98, 0.99, 0.1], 0.2, 0, 1) == pytest.approx([0.8, 1.0, 0.1])
    assert spread([0.0, 0.1, 0.2], 0.5, 0, 0.6) == pytest.approx([0, 0.5, 1.0])


def test_changes_have_a_sign_and_no_minus_zero():
    assert [signed(value) for value in (0.123, -0.456, -0.001, None, float("nan"))] == [
        "+0.12",
        "−0.46",
        "+0.00",
        "–",
        "–",
    ]
    assert points(-0.0123) == "−1.2 points"


# the step


def a_report(settings):
    return DistillReport(
        run="run",
        axis="width",
        fraction=0.7,
        data="made up",
        family="cnn",
        examples=1000,
        flipped=None,
        epsilon=0.2,
        augment="none",
        settings=tuple(read(one) for one in settings),
    )


def values_of(settings, sizes=(2, 4, 8)):
    """As the step stores them; settings in another order, and every count tells its setting and size."""
    names = [one["setting"] for one in settings][::-1]
    histogram = np.zeros((len(names), len(sizes), 40, 40), dtype=np.int32)
    for row in range(len(names)):
        for column, size in enumerate(sizes):
            histogram[row, column, 0, 0] = 1000 * row + size
    return {
        "setting": np.array(names, dtype=object),
        "size": np.array(sizes),
        "histogram": histogram,
        "histogram_edge": EDGES,
    }


def test_the_figures_of_several_settings_are_told_apart_and_hold_their_own_counts():
    settings = [one_of((2, 8), 16), one_of((4,), 64)]
    settings[1]["by_type"] = None
    drawn = dict(figures(values_of(settings), a_report(settings)))
    assert list(drawn) == [
        "distillation",
        "distillation-scores-teacher-16-t4-w0.9",
        "distillation-types-teacher-16-t4-w0.9",
        "distillation-scores-teacher-64-t4-w0.9",
    ]
    first, second = (
        [axes.collections[0].get_array().max() for axes in drawn[f"distillation-scores-teacher-{t}-t4-w0.9"].axes[:-1]]
        for t in (16, 64)
    )
    assert first == [1002, 1008]
    assert second == [4]


def test_the_step_writes_the_figures_of_one_setting(tmp_path):
    plan = Plan(
        DataChoice("made up", "0" * 64),
        "cnn",
        "width",
        None,
        (2, 4, 8),
        20,
        0.7,
        0,
        "float32",
        Recipe(epochs=1),
        unit=10,
    )
    run = create_or_open(tmp_path / "run", plan)
    with pytest.raises(RunError, match="run memscope distill"):
        draw_distill_figures(run.path, tmp_path / "figures")
    settings = [one_of()]
    write_results(run.path, plan, "distill", values_of(settings), "ledger", keys_of(a_report(settings)))
    drawn = draw_distill_figures(run.path, tmp_path / "figures")
    assert [path.name for path in drawn] == ["distillation.png", "distillation-scores.png", "distillation-types.png"]
    for path in drawn:
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 400
