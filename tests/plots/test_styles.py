"""Every figure in every style and format: readable, as wide as the style says, and in its type."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from memscope.commands import Drawing, distill, trajectories
from memscope.errors import OptionError
from memscope.plots.common import writing
from memscope.steps.distill import draw_distill_figures
from memscope.steps.resmem import draw_resmem_figures
from memscope.steps.trajectories import draw_figures
from tests.frozen.commands import unpacked

DRAWS = (draw_figures, draw_resmem_figures, draw_distill_figures)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return unpacked("everything-1.1", tmp_path_factory.mktemp("styles")) / "run"


@pytest.fixture(scope="module")
def results(run) -> Path:
    """The run, with results of this version."""
    trajectories(run)
    distill(run)
    return run


def drawn(run: Path, style: str, monkeypatch) -> dict[str, object]:
    """Every figure of a run by the name of its file, drawn and not written."""
    found: dict[str, object] = {}
    monkeypatch.setattr(writing, "file_of", lambda figure, form: figure)
    monkeypatch.setattr(writing, "write_atomically", lambda path, figure: found.update({path.stem: figure}))
    for draw in DRAWS:
        draw(run, Drawing(run / "nowhere", ("png",), style))
    return found


@pytest.mark.parametrize(("style", "least"), [("screen", 6.5), ("paper", 8.0), ("talk", 12.0)])
def test_every_figure_is_readable_in_every_style(results, style, least, monkeypatch, assert_readable):
    figures = drawn(results, style, monkeypatch)
    assert len(figures) >= 10
    for name, figure in figures.items():
        texts = assert_readable(figure)
        sizes = {text.get_size() for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()}
        assert min(sizes) >= least, name
        wide = figure.get_figwidth()
        if style == "paper":
            assert wide == pytest.approx(3.3)
            assert max(sizes) == 8.0
            assert not any("Data:" in text or ("trained on" in text and "of the examples." in text) for text in texts)
        else:
            assert 6 < wide < 14, name
    assert "examples" in figures
    if style == "talk":  # a title, and no small print
        title = figures["trajectories"].texts[0]
        assert title.get_size() == 20.0
        assert len({text.get_size() for text in figures["trajectories"].texts}) == 1


def test_formats_are_files_that_say_what_they_are_and_the_same_every_time(results, tmp_path):
    first = draw_resmem_figures(results, Drawing(tmp_path / "one", ("png", "svg", "pdf", "png")))
    again = draw_resmem_figures(results, Drawing(tmp_path / "two", ("svg", "pdf", "png")))
    assert len(first) == len(again) == len(set(first))
    begins = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    for path in first:
        content = path.read_bytes()
        assert content.startswith(begins[path.suffix])
        assert content == (tmp_path / "two" / path.name).read_bytes()
    svg = next(path for path in first if path.suffix == ".svg").read_text()
    assert "<text" not in svg  # letters are outlines, so that it looks the same without our fonts
    pdf = next(path for path in first if path.suffix == ".pdf").read_bytes()
    assert b"/Type3" not in pdf


def test_a_style_ends_with_the_figures_that_were_drawn_in_it(results, tmp_path):
    (paper, *_) = draw_resmem_figures(results, Drawing(tmp_path, style="paper"))
    import matplotlib.image

    narrow = np.shape(matplotlib.image.imread(paper))[1]
    (screen, *_) = draw_resmem_figures(results, tmp_path)
    assert narrow == round(3.3 * 150)
    assert np.shape(matplotlib.image.imread(screen))[1] > 2 * narrow


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Drawing("x", ("gif",)), "the format of figures is 'gif'; it must be one of png, svg, pdf"),
        (Drawing("x", style="poster"), "the style of figures is 'poster'; it must be one of screen, paper, talk"),
    ],
)
def test_an_unknown_format_or_style_is_named_with_those_there_are(results, wanted, says):
    with pytest.raises(OptionError, match=says):
        draw_resmem_figures(results, wanted)
