"""Names that others chose: shown as they are or escaped, never taken for markup, mathematics or commands.

Files hold them unchanged; a csv made with --csv-safe has no formulas.
"""

import csv
import dataclasses
import io
import json
import shutil
import warnings
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from memscope.cli import memscope
from memscope.errors import DataError, MemscopeError, OptionError
from memscope.run import open_run
from memscope.tables import printing
from memscope.text import abridged, printable

HOSTILE = (
    "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "<!--<script>", "&lt;b&gt;", "javascript:x",
    "[red]x[/red]", "[/]", "x\\", "[bold]", ":smile:", "[link=file:///x]x[/link]", "\x1b[31mred", "\x9b31m",
    "a\nb", "a\r\nb", "\x07", "\u202egnp.exe", "a\u2028b", "$\\frac{1}{2}$", "$", "100 %", "{x}", "%s%n", "=1+1",
    "猫", "🦊", "\x7f", "a\tb", "@x.png", "+x", "-x", "a\rb", 'a"b,c', "'x", "NA",
)  # fmt: skip
"""Class names and file names that a folder or a file may hold."""


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", [MemscopeError, DataError, OptionError])
def test_a_message_is_one_line_that_no_name_can_break(name, kind):
    line = str(kind(f"{name}: found nothing, expected {name}"))
    assert line == f"{printable(name)}: found nothing, expected {printable(name)}"
    assert line.isprintable()
    assert len(line.splitlines()) == 1


def test_a_long_message_keeps_its_end_which_says_what_to_do():
    line = str(DataError(f"a/b.npz: found {'x' * 10**6}, expected text; save it again"))
    assert len(line) == 1000
    assert line.startswith("a/b.npz: found xxx")
    assert line.endswith("expected text; save it again")
    assert "…" in line
    assert abridged("short", 10) == "short"


def test_ordinary_text_of_any_language_stays_as_it_is():
    for name in ("T-shirt/top", "dög", "猫", "gâteau №5", "emoji 🦊"):
        assert printable(name) == name


def test_a_message_stays_itself_between_processes():
    import pickle

    again = pickle.loads(pickle.dumps(DataError("a\nb: found \\n")))
    assert str(again) == str(DataError("a\nb: found \\n")) == "a\\nb: found \\n"


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("width", [30, 200])
def test_tables_and_sentences_show_names_literally(name, width, monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(printing, "console", Console(file=shown, width=width, highlight=False, force_terminal=True))
    printing.say(f"Wrote {name}.")
    printing.table(f"About {name}", ["class", name], [[name, "1.0"], ["b", name]])
    printing.table(
        f"About {name}", ["class", *"abcdefghijklmn"], [[name, *["0.123"] * 14]]
    )  # turned where it is narrow
    text = shown.getvalue()
    for style in ("\x1b[1m", "\x1b[0m", "\x1b[3m", "\x1b[22m", "\x1b[2m"):
        text = text.replace(style, "")
    assert all(character.isprintable() or character == "\n" for character in text), ascii(text)
    flat = text.replace("\n", "")
    assert flat.count(printable(name)) >= 6 or width == 30
    assert printable(name) in flat or width == 30


@pytest.mark.parametrize("live", [False, True])
def test_the_progress_display_takes_no_markup_from_a_path(live, capsys, monkeypatch):
    from memscope.cli.progress import TrainingProgress

    with TrainingProgress() as progress:
        if live:
            shown = io.StringIO()
            progress.live = True
            progress.display.console.file = shown
        for name in HOSTILE:
            progress.say(f"reading folder:{name}")
            list(progress.display.get_renderables())
            if live:
                progress.display.console.print(*progress.display.get_renderables())
    printed = shown.getvalue() if live else capsys.readouterr().err
    assert "reading folder:[red]x[/red]" in printed
    assert "\x1b[31m" not in printed
    assert "\x07" not in printed


@pytest.mark.parametrize("name", HOSTILE)
def test_figures_draw_names_as_text_and_warn_of_nothing(name):
    from memscope.plots.common.fonts import legible
    from memscope.plots.common.setting import Setting
    from memscope.plots.common.style import png
    from memscope.plots.trajectories.contact_sheet import ExampleRow, draw_examples

    setting = Setting(f"folder:{name}", name, "width", np.array([2, 4]), (10, 10), 0.7, 40, 4, 0.2, 0.9)
    images = np.zeros((2, 4, 4, 1), np.uint8)
    row = ExampleRow("increasing", 2, 2, (name, "#1"), images, (name, "b"), (None, name), np.zeros((2, 2)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw_examples(setting, [row], (name, "b"))
        assert png(figure)[:4] == b"\x89PNG"
    from matplotlib.text import Text

    drawn = [text.get_text() for text in figure.findobj(Text)]
    assert any(legible(name)[:4] in text for text in drawn)
    assert not any(character in "".join(drawn) for character in "\x1b\x07\r\u202e\u2028\x9b\x7f")


def renamed(run: Path, directory: Path, class_names: tuple[str, ...], names: tuple[str, ...]) -> Path:
    """A copy of a run whose classes and files have other names."""
    from memscope.datasets.duplicates import Duplicates
    from memscope.datasets.image_dataset import ImageDataset
    from memscope.run import open_run
    from memscope.store.examples import write_examples

    copy = directory / "run"
    shutil.copytree(run, copy)
    opened = open_run(copy)
    known, dataset = opened.examples, opened.dataset()
    groups = Duplicates(known.exact_group, known.test_exact_group, known.near_group, known.test_near_group, True)

    class SameData(ImageDataset):
        fingerprint = known.fingerprint

    values = {field: getattr(dataset, field) for field in ImageDataset.__dataclass_fields__}
    write_examples(copy, SameData(**{**values, "class_names": class_names, "train_names": names}), groups)
    return copy


CLASSES = ("[/]</script><img src=x onerror=alert(1)>", "=cmd|'/C calc'!A0", "\x1b[31m$x^2$\n", "-1")


def test_a_run_of_hostile_names_is_scored_listed_drawn_and_exported(tiny_run, tmp_path, capsys):
    names = tuple(f"{HOSTILE[number % len(HOSTILE)]}{number}.png" for number in range(120))
    run = renamed(tiny_run, tmp_path, CLASSES, names)
    people = tmp_path / "[red]\x1b[31m$x^2$\n=1+1.csv"
    index = open_run(run).examples.index
    people.write_text("index,score\n" + "".join(f"{each},{each % 7}\n" for each in index))
    files = [
        "--csv",
        tmp_path / "scores.csv",
        "--suspects",
        tmp_path / "suspects.csv",
        "--npz",
        tmp_path / "scores.npz",
    ]
    for arguments in (
        ["score", run, "--details", "--top", "100", *files],
        ["trajectories", run, "--plot"],
        ["memorability", run, "--scores", people, "--plot", "--details"],
        ["privacy", run, "--csv", tmp_path / "records.csv", "--csv-safe", "--details"],
        ["report", run],
        ["status", run],
    ):
        memscope.main([str(argument) for argument in arguments], standalone_mode=False)
        printed, warned = capsys.readouterr()
        assert not warned or arguments[0] in ("memorability", "privacy", "report")  # which say what they do meanwhile
        assert all(character.isprintable() or character == "\n" for character in printed + warned)
        if arguments[0] == "score":
            assert "[/]" in printed
            assert "\\x1b[31m$x^2$\\n" in printed
        if arguments[0] == "memorability":
            assert "[red]\\x1b[31m$x^2$\\n=1+1.csv" in printed
    memscope.main(["score", str(run), "--top", "100", "--json"], standalone_mode=False)
    listed = json.loads(capsys.readouterr().out)["most_memorised"]
    assert {each["label"] for each in listed} == set(CLASSES)  # JSON keeps what the names are
    assert np.load(tmp_path / "scores.npz")["names"].tolist() == list(names)
    check_page(run / "report.html")
    # another kind of file that shows names is to be escaped, and looked at here
    made = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {".csv", ".h5", ".html", ".json", ".npy", ".npz", ".png", ".safetensors", ".toml"}


class Elements(HTMLParser):
    """The names of all elements and attributes of a page, and its text, but for that of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.text: list[str] = []
        self.code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag} {name}" for name, _ in attrs)}
        self.text += [value for _, value in attrs if value]
        self.code = tag == "style" or (tag == "script" and dict(attrs).get("type") is None)

    def handle_endtag(self, tag: str) -> None:
        self.code = False

    def handle_data(self, data: str) -> None:
        self.text += [] if self.code else [data]


def check_page(page: Path) -> None:
    """No name has become markup of the page, and no control character is in it. tests/page reads the names in it."""
    elements = Elements()
    elements.feed(page.read_text(encoding="utf-8"))
    assert all(character.isprintable() or character == "\n" for character in "".join(elements.text))
    assert not elements.found & {"img", "b", "iframe", "object", "script src"}
    assert not any(" on" in name for name in elements.found)
    assert "onerror=alert(1)" in "".join(elements.text)  # as text, it is there


def exported(run: Path, *options: str) -> dict[str, list[dict[str, str]]]:
    """The rows that csv.reader finds in the two csv files of a run, after a call with these options."""
    rows = {}
    scores, suspects = run.parent / "scores.csv", run.parent / "suspects.csv"
    arguments = ["score", run, "--csv", scores, "--suspects", suspects, *options]
    memscope.main([str(argument) for argument in arguments], standalone_mode=False)
    for file in (scores, suspects):
        with file.open(newline="", encoding="utf-8") as opened:
            header, *lines = csv.reader(opened)
        rows[file.stem] = [dict(zip(header, line, strict=True)) for line in lines]
    return rows


@pytest.fixture(scope="module")
def hostile_run(tiny_run, tmp_path_factory) -> Path:
    """Every name of HOSTILE is a file's, exactly as it is, and the classes are CLASSES."""
    names = tuple(HOSTILE[number % len(HOSTILE)] for number in range(120))
    return renamed(tiny_run, tmp_path_factory.mktemp("hostile"), CLASSES, names)


def test_a_csv_holds_every_name_exactly_as_it_is(hostile_run):
    rows = exported(hostile_run)
    assert [row["name"] for row in rows["scores"]] == 3 * [HOSTILE[number % len(HOSTILE)] for number in range(120)]
    assert {row["name"] for row in rows["scores"]} == set(HOSTILE)
    labels = open_run(hostile_run).examples.labels
    assert rows["suspects"]
    for row in rows["suspects"]:
        assert row["name"] == HOSTILE[int(row["example"]) % len(HOSTILE)]
        assert row["given_label"] == CLASSES[labels[int(row["example"])]]
        assert row["suggested_label"] in set(CLASSES) - {row["given_label"]}
    assert {row["given_label"] for row in rows["suspects"]} == set(CLASSES)


def test_names_in_a_csv_can_be_joined_on_in_pandas(hostile_run):
    pandas = pytest.importorskip("pandas")
    exported(hostile_run)
    found = pandas.read_csv(hostile_run.parent / "scores.csv", dtype={"name": str}, keep_default_na=False)
    assert found["name"].tolist() == 3 * [HOSTILE[number % len(HOSTILE)] for number in range(120)]


DEFUSED = {
    "=1+1": "'=1+1", "@x.png": "'@x.png", "+x": "'+x", "-x": "'-x", "'x": "'x", "猫": "猫", 'a"b,c': 'a"b,c',
    "a\nb": "a\\nb", "a\r\nb": "a\\r\\nb", "a\rb": "a\\rb", "a\tb": "a\\tb", "\x07": "\\x07",
    "\x1b[31mred": "\\x1b[31mred", "\x9b31m": "\\x9b31m", "a\u2028b": "a\\u2028b", "\x7f": "\\x7f",
}  # fmt: skip


def test_a_csv_for_spreadsheets_holds_no_formulas_and_no_control_characters(hostile_run):
    rows = exported(hostile_run, "--csv-safe")
    for example, row in enumerate(rows["scores"]):
        name = HOSTILE[example % 120 % len(HOSTILE)]
        assert row["name"] == DEFUSED.get(name, name)
        assert not row["name"].startswith(("=", "+", "@", "-"))
    for row in rows["suspects"]:
        name = HOSTILE[int(row["example"]) % len(HOSTILE)]
        assert row["name"] == DEFUSED.get(name, name)
    # a class that is a number stays one
    classes = {CLASSES[0], "'=cmd|'/C calc'!A0", "\\x1b[31m$x^2$\\n", "-1"}
    assert {row["given_label"] for row in rows["suspects"]} == classes
    assert {row["suggested_label"] for row in rows["suspects"]} <= classes
    for file in ("scores.csv", "suspects.csv"):
        text = (hostile_run.parent / file).read_bytes().decode()
        assert len(text.splitlines()) == 1 + len(rows[file.removesuffix(".csv")])  # a line for each row


@pytest.mark.parametrize("safe", [False, True])
def test_predictions_hold_names_as_they_are_and_show_them_escaped(tmp_path, safe):
    from types import SimpleNamespace

    from memscope.findings import prediction
    from memscope.findings.screen import WIDE
    from memscope.steps.predict import Predictions, export
    from tests.findings.made import prediction_report

    count = len(HOSTILE)
    said = np.linspace(1, 0, count, dtype=np.float32)[np.newaxis]
    images, index = np.zeros((count, 2, 2, 1), np.uint8), np.arange(count)
    part = Predictions("train", images, index % 4, index, HOSTILE, said, np.zeros(count, bool))
    export(tmp_path / "x.csv", [part], SimpleNamespace(class_names=CLASSES), safe)
    with open(tmp_path / "x.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = [DEFUSED.get(name, name) if safe else name for name in HOSTILE]
    assert [row["name"] for row in rows] == expected
    report = prediction_report()
    for name in HOSTILE:
        shown = dataclasses.replace(
            report,
            data=name,
            fitted_on=name,
            csv=name,
            highest=(dataclasses.replace(report.highest[0], name=name, label=name),),
        )
        lines = [line for line, _ in printing.lines_of(prediction.screen(shown), WIDE)]
        assert all(line.isprintable() for line in lines), lines


@pytest.mark.parametrize("safe", [False, True])
def test_pairs_hold_names_as_they_are_and_show_them_escaped(hostile_run, tmp_path, safe):
    from memscope.findings import influence
    from memscope.findings.screen import WIDE
    from memscope.steps.pair_exports import OF_PAIR, export_pairs_csv
    from tests.findings.made import influence_report

    count = len(HOSTILE)
    arrays = {name: np.full(count, 0.5) for name in OF_PAIR}
    arrays |= {
        "pair_size": np.full(count, 8),
        "train_example": np.arange(count),
        "test_example": np.arange(count)[::-1],
    }
    export_pairs_csv(open_run(hostile_run), arrays, tmp_path / "x.csv", safe, among_training=True)
    with open(tmp_path / "x.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = [DEFUSED.get(name, name) if safe else name for name in HOSTILE]
    assert [row["train_name"] for row in rows] == expected
    assert [row["test_name"] for row in rows] == expected[::-1]
    report = influence_report(shown="test", beside=True)
    (one,), (published,) = report.shown, report.beside
    for name in HOSTILE:
        carrier = dataclasses.replace(one.helpful[0], name=name, label=name)
        shown = dataclasses.replace(
            report,
            shown=(dataclasses.replace(one, name=name, label=name, helpful=(carrier,)),),
            beside=(dataclasses.replace(published, file=name),),
            written=(name,),
        )
        lines = [line for line, _ in printing.lines_of(influence.screen(shown), WIDE)]
        assert all(line.isprintable() for line in lines), lines


@pytest.mark.parametrize("name", HOSTILE)
def test_the_figure_of_predictors_draws_the_name_of_a_table_as_text(name):
    from matplotlib.text import Text

    from memscope.plots.common.style import png
    from memscope.plots.predictor.held_out import draw_held_out
    from tests.findings.made import predictor_report

    report = dataclasses.replace(predictor_report(), target=name, target_blocks=0, data=name)
    half = np.linspace(0, 1, 30)
    values = {
        "part": np.arange(30) % 3,
        "target_even": half,
        "target_odd": half,
        "predicted": np.tile(half, (2, 4, 1)).astype(np.float32),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw_held_out(report, values)
        assert png(figure)[:4] == b"\x89PNG"
    drawn = "".join(text.get_text() for text in figure.findobj(Text))
    assert not any(character in drawn for character in "\x1b\x07\r\u202e\u2028\x9b\x7f")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a\x00b", "c", "d"], "without zero bytes"),
        (["a", "y" * 1001, "d"], "class name of 1,001 characters"),
        (["a", "a", "b"], "twice"),
    ],
)
def test_names_that_no_run_could_hold_are_refused_when_they_are_read(names, says, tmp_path):
    from fuzz.archives import arrays
    from memscope.datasets import load_dataset

    np.savez(tmp_path / "set.npz", **{**arrays(), "class_names": np.array(names)})
    with pytest.raises(DataError, match=says):
        load_dataset(f"npz:{tmp_path}/set.npz")


def test_many_class_names_are_looked_through_once():
    from memscope.datasets.checks import assemble

    names = [*map(str, range(60_000)), "59999"]
    images = np.zeros((3, 2, 2, 1), np.uint8)
    labels = np.zeros(3, np.int64)
    with pytest.raises(DataError, match="'59999' twice"):
        assemble("x", Path("x"), (images, labels), (images, labels), names)
