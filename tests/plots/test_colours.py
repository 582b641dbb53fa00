"""A colour of a type of trajectory stands for that type in every figure, and for nothing else."""

import pytest
from matplotlib.collections import Collection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from memscope.analysis.trajectories import TYPES
from memscope.plots.common.style import CLEAN, FLIPPED, INDIGO, OLIVE, PETROL, TYPE_STYLES, WINE
from memscope.plots.trajectories.shares import draw_shares
from tests.plots import test_awkward_sizes as figures
from tests.plots.trajectories import test_trajectory_plots as scores

OF_TYPES = {TYPE_STYLES[name][0].upper() for name in TYPES}
SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 64)


def shares(sizes, axis) -> Figure:
    return draw_shares(scores.a_setting(sizes, axis), scores.some_shares(), None)


def colours(figure: Figure) -> set[str]:
    """All that lines, areas and bars have inside panels."""
    figure.canvas.draw()
    found = []
    for axes in figure.axes:
        for line in axes.findobj(Line2D):
            if line in axes.get_lines():
                found += [line.get_color(), line.get_markerfacecolor()]
        for patch in axes.patches:
            assert isinstance(patch, Patch)
            found += [patch.get_facecolor()] if patch.get_fill() else []
            found += [patch.get_edgecolor()] if patch.get_linewidth() else []
        for many in axes.collections:
            assert isinstance(many, Collection)
            found += [*many.get_facecolor(), *many.get_edgecolor()]
    return {to_hex(colour).upper() for colour in found if to_rgba(colour)[3] > 0}  # what is seen


@pytest.mark.parametrize(
    "draw",
    [
        *(shares, figures.accuracy, figures.histogram, figures.distillation, figures.distillation_scores),
        *(figures.memory, figures.memory_predicts, figures.proxy_correlations),
        *(figures.memorability, figures.memorability_spread, figures.influence),
        *(figures.privacy, figures.privacy_curves),
    ],
)
def test_a_figure_without_types_has_none_of_their_colours(draw):
    found = colours(draw(SIZES, "width"))
    assert len(found) > 1
    assert not found & OF_TYPES


@pytest.mark.parametrize(
    "draw",
    [figures.trajectories, figures.distillation_types, figures.memory_types, figures.proxy_trajectories],
)
def test_a_figure_of_types_has_the_colour_of_each(draw):
    assert colours(draw(SIZES, "width")) >= OF_TYPES


def test_the_colours_of_other_things_are_others():
    others = {FLIPPED, CLEAN, INDIGO, OLIVE, WINE, PETROL}
    assert not {one.upper() for one in others} & OF_TYPES
