"""`memscope memorability RUN --train` and `predict`, against the files that they read and leave."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memscope.analysis.example_split import split_examples
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.crossed import units_of
from memscope.counting.outcomes import count_size
from memscope.counting.predictor_targets import asked_for, target_of
from memscope.errors import DataError, OptionError, RunError
from memscope.predictors.fits import fits_directory
from memscope.predictors.kept import kept_path, read_kept
from memscope.predictors.training import Training
from memscope.reports.predictor import PredictorReport
from memscope.run import open_run
from memscope.steps.predict import predict_memorisation
from memscope.steps.predictor import draw_predictor_figures, train_predictor
from memscope.steps.status import status
from memscope.steps.train_family import train_family
from memscope.store.results import read_results
from memscope.work import predictor_task
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

INLINE = WorkOptions(device="cpu", engine="inline")
QUICK = Training(backbones=("plain",), seeds=2, epochs=2)


@pytest.fixture
def run(forty_run, tmp_path) -> Path:
    shutil.copytree(forty_run, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def trained(forty_run, tmp_path_factory) -> tuple[Path, PredictorReport]:
    path = tmp_path_factory.mktemp("trained") / "run"
    shutil.copytree(forty_run, path)
    return path, train_predictor(path, Training(seeds=3, epochs=2), INLINE)


def test_what_is_reported_stored_and_kept_is_one(trained):
    path, report = trained
    run = open_run(path)
    values, _, _ = read_results(path, "predictor", run.plan)
    assert report.target == "score@8"
    assert [one.name for one in report.backbones] == ["plain", "resnet18"]
    assert report.over == ("images", "seeds", "models")
    assert (report.target_models, report.target_blocks) == (40, 4)
    split = split_examples(run.examples.labels, units_of(run.examples.near_group), run.plan.data.fingerprint)
    assert np.array_equal(np.flatnonzero(values["part"] == 2), split.held_out)
    assert report.fitted + report.validating + report.held_out == report.examples == 120
    counts = count_size(run, 8)
    assert values["target"] == pytest.approx(counts.hard_of(counts.blocks).score)
    halves = [counts.hard_of([block for block in counts.blocks if block % 2 == half]).score for half in (0, 1)]
    assert values["target_even"] == pytest.approx(halves[0])
    for row, one in enumerate(report.backbones):
        kept = read_kept(Path(one.file))
        assert kept.description.backbone.name == one.name
        assert kept.description.spearman.value == pytest.approx(one.spearman.value)
        assert np.array_equal(kept.said, values["predicted"][row])
        each = [
            rank_correlation(kept.said[seed][split.held_out], halves[1 - seed % 2][split.held_out]) for seed in range(3)
        ]
        assert one.spearman.value == pytest.approx(np.mean(each))
        assert one.spearman.low <= one.spearman.value <= one.spearman.high
    assert [claim.claim.split()[0] for claim in report.claims] == ["residual", "a"]
    assert not list((path / "predictors").glob("fits"))


def test_a_second_call_fits_nothing_and_finds_the_same(trained, monkeypatch):
    path, report = trained
    monkeypatch.setattr(predictor_task, "fit", lambda *args: pytest.fail("fitted again"))
    assert train_predictor(path, Training(seeds=3, epochs=2), INLINE) == report


def test_more_seeds_are_added_to_those_that_are_there(run):
    path = Path(train_predictor(run, QUICK, INLINE).backbones[0].file)
    two = read_kept(path)
    told = []
    train_predictor(run, replace(QUICK, seeds=3), INLINE, on_end=told.append)
    three = read_kept(path)
    assert sum(len(ended.tasks) for ended in told) == 1
    assert np.array_equal(three.said[:2], two.said)
    fewer = train_predictor(run, QUICK, INLINE)
    assert fewer.seeds == 2
    assert read_kept(path).description.seeds == 3  # what was fitted stays


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_is_fitted_whatever_the_workers(trained, run, workers):
    path, report = trained
    again = train_predictor(run, Training(seeds=3, epochs=2), WorkOptions(device="cpu", workers=workers))
    for one, other in zip(report.backbones, again.backbones, strict=True):
        assert Path(one.file).relative_to(path) == Path(other.file).relative_to(run)
        assert Path(one.file).read_bytes() == Path(other.file).read_bytes()


def test_an_interrupted_call_goes_on_where_it_stopped(run, monkeypatch):
    real, calls = predictor_task.fit, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(predictor_task, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_predictor(run, QUICK, INLINE)
    assert len(list((run / "predictors" / "fits").rglob("*.safetensors"))) == 1
    report = train_predictor(run, QUICK, INLINE)
    assert len(calls) == 3  # one was there
    assert not report.failed


def test_a_fit_that_fails_is_told_of_and_nothing_is_written(run, monkeypatch):
    def failing(*args):
        raise RuntimeError("no such thing")

    monkeypatch.setattr(predictor_task, "fit", failing)
    report = train_predictor(run, QUICK, INLINE)
    assert [(one.backbone, one.seed) for one in report.failed] == [("plain", 0), ("plain", 1)]
    assert "no such thing" in report.failed[0].reason
    assert not (run / "results" / "predictor.h5").exists()
    assert len(status(run).other_failures) == 2
    monkeypatch.undo()
    assert not train_predictor(run, QUICK, INLINE).failed
    assert list((run / "failures").rglob("*.txt")) == []


def test_a_damaged_predictor_is_made_again(run):
    path = Path(train_predictor(run, QUICK, INLINE).backbones[0].file)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(DataError):
        predict_memorisation(path, open_run(run).plan.data.spec)
    told = []
    train_predictor(run, QUICK, INLINE, say=told.append)
    assert any("made again" in line for line in told)
    assert path.read_bytes() == whole


def test_other_models_in_the_ledger_are_another_target(run):
    before = train_predictor(run, QUICK, INLINE).backbones[0].file
    content = Path(before).read_bytes()
    train_family(run, Choices(models=50), INLINE)
    after = train_predictor(run, QUICK, INLINE).backbones[0].file
    assert read_kept(Path(after)).description.settings != read_kept(Path(before)).description.settings
    assert Path(before).read_bytes() == content


def test_predictors_of_other_settings_stand_beside_each_other_and_each_is_found_again(run, tmp_path, monkeypatch):
    """Of other epochs, and of tables whose names are one in a file's name, or one but for their folder."""
    count = len(open_run(run).examples.index)
    tables = [tmp_path / name for name in ("a b.csv", "a_b.csv", "of the same numbers/a b.csv", "others/a b.csv")]
    for table, seed in zip(tables, (0, 0, 0, 1), strict=True):
        table.parent.mkdir(exist_ok=True)
        a_table(run, np.random.default_rng(seed).random(count), table)
    calls = [QUICK, replace(QUICK, epochs=1), *(replace(QUICK, epochs=1, target=str(table)) for table in tables)]
    first = {asked: train_predictor(run, asked, INLINE).backbones[0].file for asked in calls}
    a_b, a__b, same, others = (first[asked] for asked in calls[2:])
    kinds = [read_kept(Path(file)).description.kind for file in first.values()]
    assert kinds == ["score", "score", "table", "table", "table", "table"]
    assert len(set(first.values())) == len(list((run / "predictors").glob("*.safetensors"))) == 5
    assert same == a_b
    assert [read_kept(Path(file)).description.target for file in (a_b, a__b, others)] == [
        "a b.csv",
        "a_b.csv",
        "a b.csv",
    ]
    content = {file: Path(file).read_bytes() for file in first.values()}
    monkeypatch.setattr(predictor_task, "fit", lambda *args: pytest.fail("fitted again"))
    for asked, file in first.items():
        assert train_predictor(run, asked, INLINE).backbones[0].file == file
    assert {file: Path(file).read_bytes() for file in content} == content


def test_a_predictor_of_before_settings_were_in_its_name_is_found_and_stays_there(run, monkeypatch):
    new = train_predictor(run, QUICK, INLINE).backbones[0].file
    old = kept_path(run, "plain", "score@8", False)
    assert old.name == "plain-score@8.safetensors"
    Path(new).rename(old)
    content = old.read_bytes()
    other = train_predictor(run, replace(QUICK, epochs=1), INLINE).backbones[0].file
    monkeypatch.setattr(predictor_task, "fit", lambda *args: pytest.fail("fitted again"))
    assert train_predictor(run, QUICK, INLINE).backbones[0].file == str(old)
    assert old.read_bytes() == content
    assert {file.name for file in old.parent.iterdir()} == {old.name, Path(other).name}


def a_table(run: Path, values, place: Path) -> Path:
    with open(place, "w") as file:
        file.write("index,score\n")
        file.writelines(f"{index},{value}\n" for index, value in zip(open_run(run).examples.index, values, strict=True))
    return place


def untrained_run(path: Path, images: np.ndarray) -> Path:
    """A run of these images, in two classes, whose models nobody has trained: a table needs none."""
    labels = np.arange(len(images)) % 2
    file = path.with_suffix(".npz")
    np.savez(file, train_images=images, train_labels=labels, test_images=images[:8, ::-1], test_labels=labels[:8])
    train_family(path, Choices(data=f"npz:{file}", trainer="record", widths=(2,), models=10), INLINE)
    return path


def test_a_planted_cue_in_a_table_is_foretold_and_a_permuted_one_is_not(tmp_path):
    images = np.random.default_rng(1).integers(0, 120, (400, 8, 8, 1)).astype(np.uint8)
    cue = np.random.default_rng(2).random(400)
    images[:, :4] += (120 * cue).astype(np.uint8)[:, None, None, None]
    run, asked = untrained_run(tmp_path / "run", images), replace(QUICK, epochs=6)
    found = train_predictor(run, replace(asked, target=str(a_table(run, cue, tmp_path / "cue.csv"))), INLINE)
    assert found.held_out == 80
    assert found.over == ("images",)  # two seeds
    assert found.backbones[0].spearman.low > 0.8
    assert found.target_models == 0
    assert np.isnan(found.ceiling)
    assert read_kept(Path(found.backbones[0].file)).description.target == "cue.csv"
    permuted = np.random.default_rng(0).permutation(cue)
    other = train_predictor(run, replace(asked, target=str(a_table(run, permuted, tmp_path / "no.csv"))), INLINE)
    nothing = other.backbones[0]
    assert abs(nothing.spearman.value) < 0.28  # of 80 images: a standard error of .11 where nothing is to be found
    assert nothing.spearman.low < 0 < nothing.spearman.high


def test_copies_of_an_image_are_on_one_side(tmp_path):
    """Of 40 pairs that differ by a few grey levels, some would be parted if each image went where it likes."""
    random = np.random.default_rng(0)
    images = random.integers(0, 240, (200, 12, 12, 1)).astype(np.uint8)
    one, other = random.permutation(200)[:80].reshape(2, 40)
    images[other] = images[one] + random.integers(0, 8, images[one].shape).astype(np.uint8)
    run = untrained_run(tmp_path / "run", images)
    table = a_table(run, random.random(200), tmp_path / "any.csv")
    report = train_predictor(run, replace(QUICK, epochs=1, target=str(table)), INLINE)
    part = read_results(run, "predictor", open_run(run).plan)[0]["part"]
    assert report.copies == 80
    assert np.array_equal(part[one], part[other])
    assert set(part[one]) == {0, 1, 2}


def test_examples_without_a_number_are_left_out(run, tmp_path):
    cue = np.arange(120) / 120
    with open(tmp_path / "some.csv", "w") as file:
        file.write("index,score\n")
        file.writelines(f"{index},{cue[index]}\n" for index in open_run(run).examples.index[:100])
    found = train_predictor(run, replace(QUICK, target=str(tmp_path / "some.csv")), INLINE)
    assert found.known == found.fitted + found.validating + found.held_out == 100
    a_table(run, cue, tmp_path / "few.csv").write_text("index,score\n" + "".join(f"{i},1\n" for i in range(12)))
    with pytest.raises(RunError, match="expected at least 10 of each"):
        train_predictor(run, replace(QUICK, target=str(tmp_path / "few.csv")), INLINE)


def test_the_residual_is_the_mean_norm_of_the_models_that_were_trained_on_the_example(run):
    from memscope.steps.resmem import MemoryOptions, resmem
    from memscope.store.ledger import outcome_digest, read_outcome
    from memscope.store.memories import MemoryFile, finished_memories, read_memory

    with pytest.raises(RunError, match="memscope resmem"):
        train_predictor(run, replace(QUICK, target="residual@2"), INLINE)
    resmem(run, MemoryOptions(k=(3,), sigma=(1.0,), temperature=(1.0,)), INLINE)
    found = target_of(open_run(run), asked_for("residual@2"))
    opened = open_run(run)
    sums, number = np.zeros(120), np.zeros(120)
    for choice, task in finished_memories(run, opened.plan, 2):
        outcome = read_outcome(run, opened.plan, task)
        memory = read_memory(run, opened.plan, task, MemoryFile("memory", choice), outcome_digest(outcome))
        sums += np.where(outcome.in_subset, memory["residual"].astype(np.float64), 0).sum(axis=0)
        number += outcome.in_subset.sum(axis=0)
    assert found.target.everything() == pytest.approx(sums / number)
    report = train_predictor(run, replace(QUICK, target="residual@2"), INLINE)
    assert report.target == "residual@2"
    assert read_kept(Path(report.backbones[0].file)).description.kind == "residual"


def test_another_run_is_asked_about_and_known_images_are_left_out(run, tmp_path, tiny_npz):
    """A run of the same images with another seed: three of five are known."""
    other = tmp_path / "other"
    choices = Choices(
        data=f"npz:{tiny_npz}",
        family="mlp",
        widths=(2, 8),
        models=20,
        epochs=1,
        batch_size=16,
        precision="float32",
        seed=5,
    )
    train_family(other, choices, INLINE)
    report = train_predictor(run, replace(QUICK, evaluate_on=other), INLINE)
    assert report.elsewhere_known == report.fitted + report.validating
    assert report.elsewhere_images == report.held_out
    (one,) = report.backbones
    assert not np.isnan(one.elsewhere.value)
    kept = read_kept(Path(one.file))
    there = target_of(open_run(other), asked_for("score@8")).target.halves()
    out = ~np.isin(np.arange(120), np.flatnonzero(read_results(run, "predictor", open_run(run).plan)[0]["part"] < 2))
    expected = np.mean([rank_correlation(said[out], half[out]) for said in kept.said for half in there])
    assert one.elsewhere.value == pytest.approx(expected)
    assert report.elsewhere_halves.value == pytest.approx(rank_correlation(*there[:, out]))
    assert report.claims[-1].claim.startswith("what was fitted on one set")
    assert report.claims[-1].answer == "cannot be told"  # two seeds, and two blocks of models there
    with pytest.raises(OptionError, match="no models of width 4"):
        train_predictor(run, replace(QUICK, target="score@4", evaluate_on=other), INLINE)
    with pytest.raises(OptionError, match="same plan"):
        train_predictor(run, replace(QUICK, evaluate_on=run), INLINE)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"target": "score@3"}, "no models of width 3"),
        ({"target": "score@x"}, "there must be a width or depth"),
        ({"target": "nothing"}, "neither score@SIZE"),
        ({"backbones": ("plain", "resnet")}, "no backbone 'resnet'"),
        ({"backbones": ()}, "no backbone is named"),
        ({"seeds": 0}, "--seeds is 0"),
        ({"epochs": 0}, "--epochs is 0"),
        ({"backbones": ("resnet18",), "pretrained": Path("not-there")}, "is not there"),
    ],
)
def test_what_cannot_be_asked_for_is_told_in_a_line(run, changes, told):
    with pytest.raises(OptionError, match=told):
        train_predictor(run, replace(QUICK, **changes), INLINE)


def test_one_block_of_models_cannot_be_crossed(tmp_path, tiny_choices):
    train_family(tmp_path / "one", replace(tiny_choices, widths=(2,), models=10, epochs=1), INLINE)
    with pytest.raises(OptionError, match="--models 20"):
        train_predictor(tmp_path / "one", QUICK, INLINE)


def test_predictions_are_those_of_the_run_for_its_own_images_and_known_ones_are_marked(trained, tmp_path):
    path, report = trained
    run, model = open_run(path), Path(report.backbones[0].file)
    file = tmp_path / "expected.csv"
    found = predict_memorisation(model, run.plan.data.spec, csv_file=file, device="cpu")
    with open(file) as content:
        rows = list(csv.DictReader(content))
    assert len(rows) == found.examples == 160
    values = [float(row["predicted"]) for row in rows]
    assert values == sorted(values, reverse=True)
    kept = read_kept(model)
    by_index = {int(row["index"]): row for row in rows if row["part"] == "train"}
    for example, index in enumerate(run.examples.index):
        assert float(by_index[int(index)]["predicted"]) == pytest.approx(kept.said[:, example].mean(), abs=2e-5)
    assert sum(int(row["known"]) for row in rows) == found.known == report.fitted + report.validating
    assert found.highest[0].predicted == pytest.approx(values[0], abs=1e-6)
    assert found.lowest[0].predicted == pytest.approx(values[-1], abs=1e-6)
    assert len(found.highest) == 10
    assert found.resized is None
    assert (found.target_kind, found.target, found.axis) == ("score", "score@8", "width")
    assert found.spearman.value == pytest.approx(report.backbones[0].spearman.value)


def test_a_network_of_timm_begins_with_the_weights_of_a_file(run, tmp_path):
    """On images that are scaled up to what it was made for; other weights are another predictor."""
    import safetensors.torch
    import torch

    from memscope.predictors.backbones import Backbone, build_regressor

    torch.manual_seed(0)
    body = list(build_regressor(Backbone("test_resnet", pretrained=True), (8, 8, 1), 0).body.children())[-1]
    settings, files = [], []
    for number in range(2):
        weights = {name: values for name, values in body.state_dict().items() if values.is_floating_point()}
        weights["conv1.0.weight"] = weights["conv1.0.weight"] * (1 + number)
        safetensors.torch.save_file(weights, tmp_path / f"{number}.safetensors")
        asked = Training(backbones=("test_resnet",), seeds=1, epochs=1, pretrained=tmp_path / f"{number}.safetensors")
        report = train_predictor(run, asked, INLINE)
        assert report.pretrained == f"{number}.safetensors"
        kept = read_kept(Path(report.backbones[0].file))
        assert kept.description.backbone.pretrained
        settings.append(kept.description.settings)
        files.append(Path(report.backbones[0].file))
    assert len(set(settings)) == 2
    safetensors.torch.save_file({"conv1.0.weight": torch.zeros(3)}, tmp_path / "wrong.safetensors")
    with pytest.raises(DataError, match=r"wrong\.safetensors"):
        train_predictor(run, replace(asked, pretrained=tmp_path / "wrong.safetensors"), INLINE)
    assert status(run).other_failures == ()  # it is refused before anything fails, and leaves nothing behind
    assert not (run / "failures").exists()
    assert not (run / "predictors" / "fits").exists()
    assert [read_kept(file).description.settings for file in files] == settings  # neither is in the other's place
    found = predict_memorisation(report.backbones[0].file, open_run(run).plan.data.spec, device="cpu")
    assert found.known == report.fitted + report.validating


def test_images_of_another_size_are_predicted_and_it_is_said(trained, tmp_path):
    _, report = trained
    images = np.random.default_rng(0).integers(0, 256, (12, 20, 16, 3)).astype(np.uint8)
    labels = np.arange(12) % 2
    np.savez(
        tmp_path / "x.npz", train_images=images, train_labels=labels, test_images=images[:2], test_labels=labels[:2]
    )
    found = predict_memorisation(report.backbones[1].file, f"npz:{tmp_path / 'x.npz'}", top=3, device="cpu")
    assert found.resized == "from 20 x 16 to 8 x 8 pixels and from colours to grey"
    assert (len(found.highest), len(found.lowest), found.known) == (3, 3, 0)


def test_labels_are_matched_by_name_where_they_are_given(run, tmp_path, tiny_npz):
    report = train_predictor(run, replace(QUICK, with_label=True), INLINE)
    assert Path(report.backbones[0].file).name.startswith("plain-score@8-label-")
    found = predict_memorisation(report.backbones[0].file, f"npz:{tiny_npz}", device="cpu")
    assert found.with_label
    with np.load(tiny_npz) as arrays:
        strange = {**arrays, "class_names": np.array(["a", "b", "c", "d"])}
    np.savez(tmp_path / "strange.npz", **strange)
    with pytest.raises(OptionError, match="has the class 'a', which it does not know"):
        predict_memorisation(report.backbones[0].file, f"npz:{tmp_path / 'strange.npz'}", device="cpu")


def test_the_figure_is_drawn_from_what_is_stored(trained, tmp_path):
    path, _ = trained
    (picture,) = draw_predictor_figures(path, tmp_path)
    assert picture.name == "predictor.png"
    assert picture.stat().st_size > 10_000


def test_fits_are_kept_under_the_beginning_of_their_settings(tmp_path):
    assert fits_directory(tmp_path, "a" * 64) == tmp_path / "predictors" / "fits" / ("a" * 16)


def test_repair_moves_damaged_predictors_and_fits_aside(run, monkeypatch):
    from memscope.work.repair import repair

    kept = Path(train_predictor(run, QUICK, INLINE).backbones[0].file)
    real = predictor_task.fit
    monkeypatch.setattr(predictor_task, "fit", lambda *args: real(*args) if args[-1] == 0 else 1 / 0)
    assert train_predictor(run, replace(QUICK, epochs=1), INLINE).failed
    monkeypatch.undo()
    (fit,) = (run / "predictors" / "fits").rglob("*.safetensors")
    assert repair(run).moved == ()
    for file in (fit, kept):
        file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(RunError, match="--repair"):
        train_predictor(run, replace(QUICK, epochs=1), INLINE)
    moved = repair(run).moved
    assert [one.file for one in moved] == [str(kept), str(fit)]
    assert all("--train makes it again" in one.again for one in moved)
    assert not train_predictor(run, replace(QUICK, epochs=1), INLINE).failed


def test_status_says_when_a_predictor_cannot_be_fitted(run, tmp_path, tiny_choices):
    assert "predictor" not in status(run).not_yet
    train_family(tmp_path / "one", replace(tiny_choices, widths=(2,), models=10, epochs=1), INLINE)
    assert "two blocks" in status(tmp_path / "one").not_yet["predictor"]


def test_images_that_were_scaled_for_the_run_are_known_again(tmp_path):
    """Asked about the same folder, whose pictures have other sides, without --image-size."""
    from PIL import Image

    random = np.random.default_rng(0)
    for part, count in (("train", 120), ("test", 20)):
        for number in range(count):
            file = tmp_path / "set" / part / f"class{number % 2}" / f"{number:03}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            shape = (20 + number % 3, 24, 3)
            Image.fromarray(random.integers(0, 256, shape).astype(np.uint8)).save(file)
    run = tmp_path / "run"
    choices = Choices(
        data=f"folder:{tmp_path / 'set'}",
        image_size=8,
        family="mlp",
        widths=(2,),
        models=20,
        epochs=1,
        batch_size=16,
        precision="float32",
    )
    train_family(run, choices, INLINE)
    report = train_predictor(run, replace(QUICK, epochs=1), INLINE)
    found = predict_memorisation(report.backbones[0].file, f"folder:{tmp_path / 'set'}", device="cpu")
    assert found.known == report.fitted + report.validating
    assert found.resized is None
