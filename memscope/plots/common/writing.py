"""Writes figures to files."""

from collections.abc import Iterable
from pathlib import Path

from matplotlib.figure import Figure

from memscope.files.atomic import write_atomically
from memscope.plots.common.style import png
from memscope.work.timing import spent_on


@spent_on("drawing")
def write_figures(directory: Path, drawn: Iterable[tuple[str, Figure]]) -> list[Path]:
    """Write each figure into the directory, as a PNG file of its name; their paths. RunError where that fails."""
    paths = []
    for name, figure in drawn:
        paths.append(directory / f"{name}.png")
        write_atomically(paths[-1], png(figure))
    return paths
