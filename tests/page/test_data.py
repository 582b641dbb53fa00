"""What the page holds, read from the file alone, is what the results have."""

import io
import shutil
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memscope.cli import COMMANDS
from memscope.errors import RunError
from memscope.page import data as page_data
from memscope.page import gallery
from memscope.page.data import gather
from memscope.page.shown import Shown
from memscope.reports import REPORTS
from memscope.reports.results import RESULTS, reported_as, words_of
from memscope.run import open_run
from memscope.steps.report import report
from tests.page.reading import embedded, values


@pytest.fixture(scope="module")
def page(known_run, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("page") / "page.html"
    report(known_run, file)
    return file


@pytest.fixture(scope="module")
def read(page) -> dict[str, np.ndarray]:
    """The page's columns by name, in rows for sizes and neighbours."""
    head, parts = embedded(page)
    found = {}
    for column in head["columns"]:
        told = values(column, parts[f"column-{column['name']}"])
        found[column["name"]] = told if column["per"] == "example" else told.reshape(-1, head["count"])
    assert {name for name in parts if name.startswith("column-")} == {f"column-{name}" for name in found}
    return found


def test_the_head_says_what_there_is(page, known_run):
    head, parts = embedded(page)
    assert (head["version"], head["run"], head["axis"], head["sizes"]) == (1, "known", "width", [2, 4, 8])
    assert (head["count"], head["total"], head["sampled"]) == (120, 120, False)
    assert head["image"] == {"height": 8, "width": 8}
    assert head["classes"] == list(open_run(known_run).examples.class_names)
    assert head["neighbours"] == {"size": 8, "model": 0, "variant": "onehot", "held": 84}
    assert (head["names"], "names" in parts) == (False, False)


def test_every_tile_shows_its_own_image(page, known_run):
    head, parts = embedded(page)
    images = open_run(known_run).dataset().train_images
    tiling, image = head["tiling"], head["image"]
    sheet = np.asarray(Image.open(io.BytesIO(parts["sheet-0"])).convert("L"))
    assert tiling["sheets"] == 1
    for position in range(120):
        row, column = divmod(position, tiling["columns"])
        top, left = row * image["height"], column * image["width"]
        assert np.array_equal(sheet[top : top + 8, left : left + 8], images[position, :, :, 0])


def test_identities_are_those_of_the_examples(read, known_run):
    examples = open_run(known_run).examples
    assert "example" not in read  # all are shown: it is the position
    for name, expected in (
        ("label", examples.labels),
        ("true_label", examples.true_labels),
        ("exact_group", examples.exact_group),
        ("near_group", examples.near_group),
    ):
        assert read[name].tolist() == [None if each < 0 else each for each in expected], name
    assert "index" not in read
    assert examples.index.tolist() == list(range(120))


def test_scores_and_shares_of_models_are_exact(read, known_run):
    run = open_run(known_run)
    inside = np.stack([run.subset(model) for model in range(20)])
    for row, size in enumerate((2, 4, 8)):
        right = np.concatenate([outcome.predicted_train == run.examples.labels for _, outcome in run.outcomes(size)])
        accuracy_in = (inside & right).sum(0) / inside.sum(0)
        accuracy_out = (~inside & right).sum(0) / (~inside).sum(0)
        assert np.abs(read["accuracy_in"][row] - accuracy_in).max() < 1e-12
        assert np.abs(read["accuracy_out"][row] - accuracy_out).max() < 1e-12
        assert np.abs(read["score"][row] - (accuracy_in - accuracy_out)).max() < 1e-12
    assert np.abs(read["change"] - (read["score"][-1] - read["score"][0])).max() < 1e-12


def test_other_numbers_are_those_of_the_results_to_half_of_a_step(read, page, known_run):
    run = open_run(known_run)
    scores, memories, students, proxies = (run.results(name) for name in ("score", "resmem", "distill", "proxies"))
    differences = students["score"] - students["onehot_score"]
    there = {int(size): row for row, size in enumerate(students["size"])}
    everywhere = np.full((2, 3, 120), np.nan)
    for row, size in enumerate((2, 4, 8)):
        if size in there:
            everywhere[:, row] = differences[:, there[size]]
    expected = {
        "score_low": scores["interval_low"],
        "score_high": scores["interval_high"],
        "population_score": scores["population_score"],
        "population_sd": scores["population_score_sd"],
        "suggested_share": scores["suggested_share"],
        "residual": memories["residual_in"],
        "distillation": everywhere[0],
        f"distillation-{students['setting'][1]}": everywhere[1],
    }
    expected |= {f"proxy-{name}": proxies["value"][row] for row, name in enumerate(proxies["proxy"])}
    columns = {column["name"]: column for column in embedded(page)[0]["columns"]}
    for name, wanted in expected.items():
        found, column = read[name], columns[name]
        step = (column["high"] - column["low"]) / (2**16 - 2 if column["kind"] == "uint16" else 254)
        assert np.array_equal(np.isnan(found), np.isnan(wanted)), name
        assert np.array_equal(np.isinf(found), np.isinf(wanted)), name
        known = np.isfinite(wanted)
        assert np.abs(found[known] - wanted[known].astype(np.float64)).max() <= step / 2 * 1.001, name
    assert np.isinf(expected["proxy-mean-confidence"]).any()
    assert np.isnan(everywhere).any()


def test_types_and_suggestions_are_those_of_the_results(read, page, known_run):
    run, types = open_run(known_run), embedded(page)[0]["types"]
    found = run.results("trajectories")
    for name, field in (("type", "raw_type"), ("called_type", "called_type"), ("population_type", "population_type")):
        assert ["undefined" if code is None else types[code] for code in read[name]] == found[field].tolist()
    assert read["suggested_label"].tolist() == [
        [None if label < 0 else label for label in row] for row in run.results("score")["suggested_label"]
    ]


def test_neighbours_are_positions_in_the_gallery(read, known_run):
    near = read["neighbours"]
    assert near.shape == (8, 120)
    held = open_run(known_run).subset(0)
    assert all(held[each] for each in near.ravel())


def test_a_sample_keeps_each_example_with_its_own(known_run, monkeypatch):
    """All that is known of an example follows it into a gallery of some."""
    shown = np.array([3, 17, 18, 90])
    monkeypatch.setattr(page_data, "shown_of", lambda total, extremes: Shown(shown, 4, True, tuple(extremes)))
    monkeypatch.setattr(gallery, "FEW", 2)
    run = open_run(known_run)
    found = gather(run)
    told = {column.name: values(column.described(), column.packed) for column in found.columns}
    assert found.sampled
    assert told["example"].tolist() == shown.tolist()
    assert told["label"].tolist() == run.examples.labels[shown].tolist()
    score = run.results("score")["score"]
    assert np.abs(told["score"].reshape(3, 4) - score[:, shown]).max() < 1e-6
    residual = run.results("resmem")["residual_in"]
    assert np.abs(told["residual"].reshape(3, 4) - residual[:, shown]).max() <= 2**0.5 / 254 / 2 * 1.001
    kinds = {column.name: (column.kind, column.per) for column in found.columns}
    assert (kinds["residual"], kinds["proxy-mean-accuracy"]) == (("uint8", "size"), ("uint16", "example"))
    proxy = run.results("proxies")["value"][0, -1, shown]
    assert np.allclose(told["proxy-mean-accuracy"], proxy, atol=np.ptp(proxy) / 4000 / 2 * 1.001)
    sheet = np.asarray(Image.open(io.BytesIO(found.sheets[0])).convert("L"))
    assert np.array_equal(sheet[8:16, 8:16], run.dataset().train_images[90, :, :, 0])
    near = told["neighbours"].reshape(8, 4)
    held = run.subset(0)[shown]
    assert all(held[each] for each in near.ravel() if each is not None)
    assert (near == None).sum() >= 4 * (8 - held.sum())  # noqa: E711  # of an array


def test_names_are_lines_that_no_name_can_break(tiny_run, tmp_path):
    from memscope.steps.score import score
    from tests.test_hostile_names import CLASSES, HOSTILE, renamed

    names = tuple(f"{HOSTILE[number % len(HOSTILE)]}{number}.png" for number in range(120))
    run = renamed(tiny_run, tmp_path, CLASSES, names)
    score(run)
    found = report(run)
    head, parts = embedded(Path(found.file))
    lines = zlib.decompress(parts["names"], -15).decode().split("\n")
    assert len(lines) == 120
    assert all(line.isprintable() and line.endswith(f"{number}.png") for number, line in enumerate(lines))
    assert head["classes"][:2] == [CLASSES[0], "=cmd|'/C calc'!A0"]
    assert all(name.isprintable() for name in head["classes"])


def test_results_that_are_missing_damaged_or_out_of_date_are_told(known_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(known_run, run)
    (run / "results" / "resmem.h5").unlink()
    (run / "results" / "distill.h5").write_bytes(b"nothing")
    next((run / "outcomes" / "onehot" / "width-2").glob("00010*.h5")).unlink()
    told = []
    found = gather(open_run(run), told.append)
    assert set(found.groups) == set(found.reports) == {"score", "trajectories", "proxies"}
    assert (found.states["resmem"], found.states["score"]) == ("missing", "out of date")
    assert set(found.out_of_date) == {"score", "trajectories", "proxies"}
    assert "distill.h5" in found.states["distill"]
    assert any(line.startswith("left out: ") and "distill.h5" in line for line in told)
    assert {column.group for column in found.columns} == {"examples", "score", "trajectories", "proxies", "neighbours"}


def test_a_run_without_results_has_no_page(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    with pytest.raises(RunError, match="has no results to show yet; make some with memscope score"):
        report(tmp_path / "run")
    assert not (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize("group", RESULTS)
def test_every_group_of_results_has_a_report_a_screen_and_a_command_that_there_is(group):
    """A later command's too: a page cannot be made of a run with results that nothing tells of."""
    assert reported_as(group) in REPORTS
    assert find_spec(f"memscope.findings.{group.removesuffix('-training')}")
    assert words_of(group)[0] in COMMANDS
