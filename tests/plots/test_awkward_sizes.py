"""Tick labels, and all other text, keep apart whatever the sizes: close ones, far ones, many, and along depth."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure

from memscope.plots.common.look import LOOKS, drawn_for
from memscope.plots.influence.overview import draw_overview
from memscope.plots.trajectories.accuracy import draw_accuracy
from memscope.plots.trajectories.histogram import draw_histogram
from memscope.plots.trajectories.trajectories import draw_trajectories
from tests import made_influence as pairs
from tests.plots.distill import test_student_plots as students
from tests.plots.memorability import test_memorability_plots as people
from tests.plots.privacy import test_privacy_plots as attacks
from tests.plots.proxies import test_proxy_plots as proxies
from tests.plots.resmem import test_residual_memory_plots as memories
from tests.plots.trajectories import test_trajectory_plots as scores

GRIDS = {
    "close and far": (1, 2, 3, 4, 5, 6, 7, 8, 64, 128, 1024),
    "far and close": (1, 900, 1000, 1023, 1024),
    "two": (1, 2),
    "two close": (1023, 1024),
    "many": tuple(range(1, 21)),
    "large": tuple(100_000 * k for k in range(1, 13)),
}
DEPTHS = ((8, 14, 20), (8, 14, 20, 32, 44, 56, 110, 1202), GRIDS["close and far"])


def trajectories(sizes, axis) -> Figure:
    shown = scores.types_of(len(sizes))
    return draw_trajectories(scores.a_setting(sizes, axis), np.zeros(len(sizes)), scores.some_shares(), shown)


def histogram(sizes, axis) -> Figure:
    values = np.random.default_rng(0).uniform(-1, 1, (len(sizes), 50))
    return draw_histogram(scores.a_setting(sizes, axis), values, None, *np.full((2, len(sizes)), 0.3))


def accuracy(sizes, axis) -> Figure:
    return draw_accuracy(scores.a_setting(sizes, axis, flipped=10), scores.accuracy_rows(sizes=sizes))


def distillation(sizes, axis) -> Figure:
    settings = [students.one_of(sizes, temperature=heat) for heat in (1.0, 4.0)]
    return students.draw_distillation(students.a_setting(sizes, axis), settings)


def distillation_scores(sizes, axis) -> Figure:
    counts = students.a_histogram(sizes)
    return students.draw_distillation_scores(
        students.a_setting(sizes, axis), students.one_of(sizes), counts, students.EDGES
    )


def distillation_types(sizes, axis) -> Figure:
    return students.draw_distillation_types(students.a_setting(sizes, axis), students.one_of(sizes))


def memory(sizes, axis) -> Figure:
    setting = memories.a_setting(sizes, axis)
    return memories.draw_residual_memory(setting, memories.rows_of(sizes), memories.full_of(sizes))


def memory_types(sizes, axis) -> Figure:
    return memories.draw_residual_memory_types(memories.a_setting(sizes, axis), memories.types_of(sizes))


def memory_predicts(sizes, axis) -> Figure:
    return memories.draw_residual_memory_predicts(memories.a_setting(sizes, axis), memories.pairs_of(sizes))


def proxy_correlations(sizes, axis) -> Figure:
    return proxies.draw_proxies(proxies.a_report(sizes, axis=axis))


def proxy_trajectories(sizes, axis) -> Figure:
    return proxies.draw_proxy_trajectories(proxies.a_report(sizes, axis=axis))


def memorability(sizes, axis) -> Figure:
    report = people.a_report(sizes, axis)
    return people.draw_correlations(people.setting_of(report), report)


def memorability_spread(sizes, axis) -> Figure:
    report = people.a_report(sizes, axis)
    return people.draw_spread(people.setting_of(report), report, 0, *people.some_values())


def influence(sizes, axis) -> Figure:
    return draw_overview(scores.a_setting(sizes, axis), pairs.a_report(sizes, axis))


def privacy(sizes, axis) -> Figure:
    report = attacks.a_report(sizes, axis)
    return attacks.draw_by_size(attacks.setting_of(report), report)


def privacy_curves(sizes, axis) -> Figure:
    return attacks.drawn_curves(attacks.a_report(sizes, axis), attacks.some_arrays(len(sizes)))


def privacy_types(sizes, axis) -> Figure:
    report = attacks.a_report(sizes, axis)
    return attacks.draw_by_type(attacks.setting_of(report), report)


FIGURES = (
    *(trajectories, accuracy, distillation, distillation_types, memory, memory_types, memory_predicts),
    *(proxy_trajectories, memorability, influence, privacy),
    *(histogram, distillation_scores, proxy_correlations, memorability_spread),
    *(privacy_curves, privacy_types),
)
CASES = [("width", sizes) for sizes in GRIDS.values()] + [("depth", sizes) for sizes in DEPTHS]


def tick_labels(figure: Figure):
    """Of each axis of each panel, the labels that are seen, with their boxes in pixels."""
    figure.canvas.draw()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_visible():
                shown = [label for label in axis.get_ticklabels() if label.get_visible() and label.get_text()]
                yield [(label.get_text(), label.get_window_extent()) for label in shown]


@pytest.mark.parametrize("style", list(LOOKS))
@pytest.mark.parametrize(
    ("draw", "axis", "sizes"),
    # the last six have no axis of sizes
    [*((draw, *case) for draw in FIGURES[:-6] for case in CASES), *((draw, *CASES[0]) for draw in FIGURES[-6:])],
)
def test_tick_labels_keep_apart(draw, axis, sizes, style):
    with drawn_for(style):
        figure = draw(sizes, axis)
        boxes = [box for labels in tick_labels(figure) for box in labels]
    page = figure.bbox
    for name, box in boxes:
        assert page.x0 <= box.x0, name
        assert box.x1 <= page.x1, name
    for (one, box), (other, beside) in combinations(boxes, 2):
        across = min(box.x1, beside.x1) - max(box.x0, beside.x0)
        up = min(box.y1, beside.y1) - max(box.y0, beside.y0)
        assert across <= 0 or up <= 0, f"{one} and {other} overlap by {across:.0f} x {up:.0f} pixels"
