"""Writes figures to files."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memscope.files.atomic import write_atomically
from memscope.plots.common.look import drawn_for
from memscope.plots.common.style import png
from memscope.work.timing import spent_on

SETTINGS: dict[Any, Any] = {
    "savefig.bbox": "standard",  # whatever the user's matplotlibrc says
    "pdf.fonttype": 42,  # TrueType, which publishers take; type 3 is refused by some
    "svg.fonttype": "path",  # so that it looks the same where our fonts are not
    "svg.hashsalt": "memscope",  # else every drawing of the same figure is another file
}
UNDATED: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


@spent_on("drawing")
def write_figures(
    directory: Path, formats: Sequence[str], style: str, drawn: Iterable[tuple[str, Figure]]
) -> list[Path]:
    """Write each figure into the directory, as a file of its name in each format; their paths.

    RunError where that fails.
    """
    paths = []
    with drawn_for(style):
        for name, figure in drawn:
            for form in dict.fromkeys(formats):
                paths.append(directory / f"{name}.{form}")
                write_atomically(paths[-1], file_of(figure, form))
    return paths


def file_of(figure: Figure, form: str) -> bytes:
    """The figure as a PNG, SVG or PDF file: the same for the same figure."""
    if form == "png":
        return png(figure)
    buffer = io.BytesIO()
    with rc_context(SETTINGS):
        FigureCanvasAgg(figure).print_figure(
            buffer, format=form, dpi=figure.dpi, facecolor="white", metadata=UNDATED[form]
        )
    return buffer.getvalue()
