"""Derived runs: `train-family NEW --from RUN --changes FILE` is RUN's plan on RUN's data after changes."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from memscope.cli import memscope as command_line
from memscope.datasets import load_dataset
from memscope.datasets.changes import DROP, KEEP, RELABEL, Change, Changes, pixels_of
from memscope.datasets.changes_file import changes_text
from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import DataError, MemscopeError, OptionError, RunError
from memscope.run import open_run
from memscope.steps.score import score
from memscope.steps.status import status
from memscope.steps.train_family import plan_ahead, train_family
from memscope.store.ledger import read_outcome
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices, choices_from_plan
from memscope.work.repair import repair
from tests.steps.test_train_family import Interruption, assert_same_outcomes

INLINE, NOTHING = WorkOptions(device="cpu", engine="inline"), Choices()
DROPPED, RELABELLED = (1, 2, 30, 31, 77), (5, 60)


def decided(data: ImageDataset, at: int, decision: str, new_label: str = "") -> Change:
    return Change(int(data.train_index[at]), pixels_of(data.train_images[at]), decision, new_label)


def file_of(path: Path, data: ImageDataset, *changes: Change) -> Path:
    path.write_bytes(changes_text(Changes(data.fingerprint, changes)))
    return path


def some_changes(data: ImageDataset) -> list[Change]:
    """Five dropped, two given the next class, one kept; by position in the run."""
    found = [decided(data, at, DROP) for at in DROPPED] + [decided(data, 9, KEEP)]
    return found + [decided(data, at, RELABEL, data.class_names[(data.train_labels[at] + 1) % 4]) for at in RELABELLED]


def saved(directory: Path, data: ImageDataset) -> str:
    """The data as others have them: arrays in a file."""
    names = [f"{part}_{what}" for part in ("train", "test") for what in ("images", "labels")]
    np.savez(directory / "saved.npz", **{name: getattr(data, name) for name in names})
    return f"npz:{directory / 'saved.npz'}"


@pytest.fixture
def changes(tiny_run, tmp_path) -> Path:
    data = open_run(tiny_run).dataset()
    return file_of(tmp_path / "changes.csv", data, *some_changes(data))


@pytest.fixture
def derived(tiny_run, run_made_once) -> Path:
    """The run that `changes` makes of `tiny_run`, trained in this process or in one beside it."""
    data = open_run(tiny_run).dataset()

    def make(path: Path) -> None:
        file = file_of(path.parent / "of-derived.csv", data, *some_changes(data))
        assert not train_family(path, Choices(origin=tiny_run, changes=file), INLINE).failed

    return run_made_once("derived", make)


def test_a_derived_run_has_the_data_of_the_other_after_the_changes_and_all_else_of_its_plan(tiny_run, derived):
    before, after = open_run(tiny_run), open_run(derived)
    old, new = before.dataset(), after.dataset()
    left = [at for at in range(120) if at not in DROPPED]
    labels, shown = old.train_labels.copy(), old.true_labels.copy()
    for at in RELABELLED:
        labels[at] = shown[at] = (labels[at] + 1) % 4
    np.testing.assert_array_equal(new.train_images, old.train_images[left])
    np.testing.assert_array_equal(new.train_index, old.train_index[left])
    np.testing.assert_array_equal(new.train_labels, labels[left])
    np.testing.assert_array_equal(after.examples.true_labels, shown[left])
    np.testing.assert_array_equal(new.test_images, old.test_images)
    assert after.plan.data.fingerprint == new.fingerprint
    assert after.plan.data.changes == hashlib.sha256((derived / "changes.csv").read_bytes()).hexdigest()
    assert after.plan.data.origin_digest == before.plan.digest
    assert after.plan.digest != before.plan.digest
    assert replace(after.plan, data=before.plan.data) == before.plan


def test_its_models_are_those_of_a_run_made_of_the_changed_data_themselves(tiny_run, derived, tiny_choices, tmp_path):
    """The same plan, on arrays that were changed by somebody else: subsets are drawn on what remains."""
    data = open_run(derived).dataset()
    given = replace(tiny_choices, data=saved(tmp_path, data), label_noise=0.0)
    train_family(tmp_path / "other", given, INLINE)
    assert open_run(tmp_path / "other").plan.digest == open_run(derived).plan.digest
    assert_same_outcomes(derived, tmp_path / "other")
    run = open_run(derived)
    for task, outcome in run.outcomes(4):
        for model, row in zip(task.models, outcome.in_subset, strict=True):
            assert row.shape == (115,)
            np.testing.assert_array_equal(row, run.plan.subset(115, model))


@pytest.mark.parametrize("workers", [1, 2])
def test_it_is_bit_identical_for_any_number_of_workers(tiny_run, changes, derived, tmp_path, workers):
    given = Choices(origin=tiny_run, changes=changes)
    assert not train_family(tmp_path / "run", given, WorkOptions(device="cpu", workers=workers)).failed
    assert_same_outcomes(tmp_path / "run", derived)
    ours, theirs = open_run(tmp_path / "run").plan, open_run(derived).plan
    assert replace(ours, data=replace(ours.data, spec="", origin="")) == replace(
        theirs, data=replace(theirs.data, spec="", origin="")
    )


def test_it_goes_on_after_an_interruption_in_shards_and_without_the_other_run(tiny_run, changes, derived, tmp_path):
    other, path = tmp_path / "other", tmp_path / "run"
    shutil.copytree(tiny_run, other)

    def stop(ended):
        if ended.done >= 20:
            raise Interruption

    with pytest.raises(Interruption):
        train_family(path, Choices(origin=other, changes=changes), INLINE, on_end=stop)
    shutil.rmtree(other)
    changes.unlink()
    shutil.rmtree(path / "cache")
    (path / "examples.h5").unlink()  # made again from the source and changes.csv
    for share in (1, 2):
        train_family(path, NOTHING, replace(INLINE, shard=(share, 2)))
    assert_same_outcomes(path, derived)
    assert open_run(path).examples.true_labels.tolist() == open_run(derived).examples.true_labels.tolist()
    assert train_family(path, Choices(models=30, widths=(16,)), INLINE).trained == 3 * 10 + 30


def test_so_it_is_where_torch_trains_and_models_come_from_other_processes(tiny_choices, tmp_path):
    given = replace(tiny_choices, backend="torch", widths=(4,), models=10)
    train_family(tmp_path / "first", given, INLINE)
    data = open_run(tmp_path / "first").dataset()
    file = file_of(tmp_path / "changes.csv", data, *some_changes(data))
    two = WorkOptions(device="cpu", workers=2)
    train_family(tmp_path / "run", Choices(origin=tmp_path / "first", changes=file), two)
    given = replace(given, data=saved(tmp_path, open_run(tmp_path / "run").dataset()), label_noise=0.0)
    train_family(tmp_path / "other", given, INLINE)
    assert_same_outcomes(tmp_path / "run", tmp_path / "other")


def test_the_same_call_goes_on_and_another_is_refused(tiny_run, changes, derived, tmp_path):
    given = Choices(origin=tiny_run, changes=changes)
    assert train_family(derived, given, INLINE).trained == 0
    before = {file: file.read_bytes() for file in derived.rglob("*") if file.is_file() and ".claims" not in str(file)}
    data = open_run(tiny_run).dataset()
    others = file_of(tmp_path / "others.csv", data, decided(data, 3, DROP))
    for choices, said in (
        (replace(given, changes=others), "was made with other changes than those of"),
        (replace(given, equal_steps=True), "was made without --equal-steps"),
    ):
        with pytest.raises(OptionError, match=said):
            train_family(derived, choices, INLINE)
        with pytest.raises(OptionError, match=said):
            plan_ahead(derived, choices, INLINE)
    with pytest.raises(OptionError, match="exists and was not made with --from; make a new run"):
        train_family(tiny_run, given, INLINE)
    assert {file: file.read_bytes() for file in before} == before


def test_it_can_have_other_sizes_numbers_of_models_and_seeds_than_the_run_that_it_is_from(tiny_run, changes, tmp_path):
    given = Choices(origin=tiny_run, changes=changes, widths=(2, 8), models=10, seed=7)
    train_family(tmp_path / "run", given, INLINE)
    plan, was = open_run(tmp_path / "run").plan, open_run(tiny_run).plan
    assert (plan.sizes, plan.models, plan.seed) == ((2, 8), 10, 7)
    assert replace(plan, data=was.data, sizes=was.sizes, models=was.models, seed=0) == was


def test_of_a_run_that_trains_nothing_a_derived_one_trains_nothing_either(tiny_choices, tmp_path):
    given = replace(tiny_choices, family=None, trainer="record", widths=(4,), models=10)
    train_family(tmp_path / "first", given, INLINE)
    data = open_run(tmp_path / "first").dataset()
    file = file_of(tmp_path / "changes.csv", data, *some_changes(data))
    asked = Choices(origin=tmp_path / "first", changes=file)
    train_family(tmp_path / "run", asked, INLINE)
    run = open_run(tmp_path / "run")
    run.record(4, 0, np.zeros(155, dtype=int))
    assert [task.first for task, _ in run.outcomes(4)] == [0]
    with pytest.raises(OptionError, match="--equal-steps is about memscope's own training"):
        train_family(tmp_path / "other", replace(asked, equal_steps=True), INLINE)


def test_models_that_were_recorded_are_recorded_as_far_as_there_are_as_many(tiny_run, changes, tmp_path):
    path = tmp_path / "with"
    shutil.copytree(tiny_run, path)
    train_family(path, Choices(dynamics=20), INLINE)
    ahead = plan_ahead(tmp_path / "run", Choices(origin=path, changes=changes, models=10), INLINE)
    assert (ahead.models, ahead.dynamics) == (10, 10)


CONTRADICTIONS = [
    ({"epochs": 5}, "was made with --epochs 3, now asked for 5; leave the option out: with --from only sizes"),
    ({"label_noise": 0.0}, "was made with --label-noise 0.1, now asked for 0.0"),
    ({"family": "cnn"}, "was made with --family mlp, now asked for cnn"),
    ({"fraction": 0.5}, "was made with --fraction 0.7, now asked for 0.5"),
    ({"examples": 100}, r"was made with --examples \(not set\), now asked for 100"),
    ({"depths": (8, 14), "width": 4}, "has sizes along width; --depths asks for the other axis"),
    ({"data": "fashion-mnist-5k"}, "is not the same data as this run was made with"),
    ({"changes": None}, "--from names the run whose data are changed, and --changes the file that says how; give both"),
    ({"origin": None}, "--from names the run whose data are changed, and --changes the file that says how; give both"),
    ({"origin": None, "changes": None, "equal_steps": True}, "--equal-steps is for runs that are made with --from"),
    ({"models": 0}, "--models is 0; it must be at least 1"),
    ({"dynamics": 30}, "--dynamics is 30, and there are 20 models of each width to record"),
]


@pytest.mark.parametrize(("given", "said"), CONTRADICTIONS)
def test_what_contradicts_the_run_that_it_is_from_is_refused_and_nothing_written(
    tiny_run, changes, tmp_path, given, said
):
    asked = replace(Choices(origin=tiny_run, changes=changes), **given)
    for call in (train_family, plan_ahead):
        with pytest.raises(MemscopeError, match=said):
            call(tmp_path / "run", asked, INLINE)
    assert not (tmp_path / "run").exists()


def test_a_file_of_other_data_or_images_is_refused_and_nothing_written(tiny_run, tmp_path):
    data = open_run(tiny_run).dataset()
    for changed, said in (
        (Changes("0" * 64, ()), "its first line is of data 0000"),
        (
            Changes(data.fingerprint, (replace(decided(data, 3, DROP), sha256="0" * 64),)),
            "line 3 has sha256 0000",
        ),
        (
            Changes(data.fingerprint, (Change(500, "0" * 64, DROP),)),
            "line 3 has index 500, which no training",
        ),
        (
            Changes(data.fingerprint, tuple(decided(data, at, DROP) for at in range(100))),
            "leaves 20 examples, whose subsets of 14 are smaller than a batch of",
        ),
    ):
        (tmp_path / "file.csv").write_bytes(changes_text(changed))
        with pytest.raises(DataError, match=said):
            train_family(tmp_path / "run", Choices(origin=tiny_run, changes=tmp_path / "file.csv"), INLINE)
        assert not (tmp_path / "run").exists()
    with pytest.raises(RunError, match="is not a run"):
        train_family(tmp_path / "run", Choices(origin=tmp_path / "none", changes=tmp_path / "file.csv"), INLINE)


def test_with_equal_steps_a_model_takes_as_many_as_in_the_run_that_it_is_from(tiny_run, tiny_choices, tmp_path):
    """Thirty of 120 dropped: 3 epochs of subsets of 84 are 16 steps of 16, of 63 only 12; but 4 epochs of 63 are 16."""
    data = open_run(tiny_run).dataset()
    file = file_of(tmp_path / "changes.csv", data, *(decided(data, at, DROP) for at in range(30)))
    given = Choices(origin=tiny_run, changes=file, models=10, full=1)
    assert plan_ahead(tmp_path / "run", given, INLINE).steps == round(3 * 63 / 16) == 12
    given = replace(given, equal_steps=True)
    assert plan_ahead(tmp_path / "run", given, INLINE).steps == plan_ahead(tiny_run, NOTHING, INLINE).steps == 16
    train_family(tmp_path / "equal", given, INLINE)
    equal = open_run(tmp_path / "equal")
    assert "with as many steps as there" in printed("status", tmp_path / "equal")
    more = replace(tiny_choices, data=saved(tmp_path, equal.dataset()), label_noise=0.0, models=10, full=1, epochs=4)
    train_family(tmp_path / "more", more, INLINE)
    for variant in ("onehot", "full"):
        for size in (2, 4, 8):
            (_, one), (_, other) = (next(run.outcomes(size, variant)) for run in (equal, open_run(tmp_path / "more")))
            np.testing.assert_array_equal(one.log_odds_train, other.log_odds_train)
            np.testing.assert_array_equal(one.log_odds_test, other.log_odds_test)


def test_equal_steps_change_nothing_where_nothing_is_dropped(tiny_run, tmp_path):
    data = open_run(tiny_run).dataset()
    file = file_of(tmp_path / "changes.csv", data, decided(data, 0, KEEP))
    train_family(tmp_path / "run", Choices(origin=tiny_run, changes=file, equal_steps=True), INLINE)
    assert open_run(tmp_path / "run").plan.digest == open_run(tiny_run).plan.digest
    assert_same_outcomes(tmp_path / "run", tiny_run)


def test_a_derived_run_of_a_derived_run_needs_neither_of_the_others(tiny_run, derived, tmp_path):
    """Of the second file one is dropped that the first relabelled, and one is relabelled that it kept."""
    first, second, at_once = tmp_path / "first", tmp_path / "second", tmp_path / "at once"
    shutil.copytree(derived, first)
    data, left = open_run(first).dataset(), [at for at in range(120) if at not in DROPPED]
    gone, other = left.index(RELABELLED[0]), left.index(9)
    label = data.class_names[(data.train_labels[other] + 1) % 4]
    file = file_of(tmp_path / "then.csv", data, decided(data, gone, DROP), decided(data, other, RELABEL, label))
    train_family(second, Choices(origin=first, changes=file, models=10, widths=(2,)), INLINE)
    assert train_family(second, Choices(origin=first, changes=file), INLINE).trained == 0
    whole = open_run(tiny_run).dataset()
    changes = [one for one in some_changes(whole) if one.index not in (RELABELLED[0], 9)]
    changes += [decided(whole, RELABELLED[0], DROP), decided(whole, 9, RELABEL, label)]
    both = file_of(tmp_path / "both.csv", whole, *changes)
    train_family(at_once, Choices(origin=tiny_run, changes=both, models=10, widths=(2,)), INLINE)
    assert open_run(second).plan.digest == open_run(at_once).plan.digest
    assert_same_outcomes(second, at_once)
    for name in ("true_labels", "index"):
        assert getattr(open_run(second).examples, name).tolist() == getattr(open_run(at_once).examples, name).tolist()
    shutil.rmtree(first)
    shutil.rmtree(second / "cache")
    (second / "examples.h5").unlink()
    assert train_family(second, Choices(models=20), INLINE).trained == 10
    told = status(second).derived
    assert (told.dropped, told.relabelled) == (6, 2)


def printed(*arguments: object) -> str:
    done = CliRunner().invoke(command_line, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_status_and_a_dry_run_say_where_it_comes_from(tiny_run, changes, derived, tmp_path):
    digest = open_run(tiny_run).plan.digest[:12]
    told = f"(plan {digest}): 5 examples dropped, 2 given another label."
    for details in ((), ("--details",)):
        assert told in printed("status", derived, *details)
        options = ("--from", tiny_run, "--changes", changes, "--dry-run", "--engine", "inline")
        assert told in printed("train-family", tmp_path / "run", *options, *details)
        assert told in printed("train-family", derived, "--dry-run", *details)
    assert not (tmp_path / "run").exists()
    found = json.loads(printed("status", derived, "--json"))["derived"]
    assert (found["dropped"], found["relabelled"], found["digest"][:12]) == (5, 2, digest)
    assert "derived" not in json.loads(printed("status", tiny_run, "--json"))
    (derived / "changes.csv").unlink()
    assert f"(plan {digest}); its changes.csv is missing or damaged." in printed("status", derived)


def test_a_damaged_file_of_changes_is_moved_aside_and_put_back_by_the_same_call(tiny_run, changes, derived):
    whole = (derived / "changes.csv").read_bytes()
    (derived / "changes.csv").write_bytes(whole.replace(b"drop", b"keep", 1))
    shutil.rmtree(derived / "cache")
    (derived / "examples.h5").unlink()
    with pytest.raises(RunError, match=r"changes.csv has SHA-256 .* edited or damaged; .* --repair"):
        train_family(derived, NOTHING, INLINE)
    (moved,) = repair(derived).moved
    assert moved.file == str(derived / "changes.csv")
    with pytest.raises(RunError, match=r"changes.csv does not exist; .* --from .* puts it back"):
        train_family(derived, NOTHING, INLINE)
    assert train_family(derived, Choices(origin=tiny_run, changes=changes), INLINE).trained == 0
    assert (derived / "changes.csv").read_bytes() == whole
    assert repair(derived).moved == ()


def test_the_plan_of_a_derived_run_is_replayed_with_the_file_beside_it(derived, tmp_path):
    plan = open_run(derived).plan
    train_family(tmp_path / "again", choices_from_plan(plan, NOTHING, derived), INLINE)
    assert (tmp_path / "again/plan.toml").read_bytes() == (derived / "plan.toml").read_bytes()
    assert_same_outcomes(tmp_path / "again", derived)
    with pytest.raises(OptionError, match=r"plan is that of a derived run; name the changes.csv of that run too"):
        train_family(tmp_path / "new", choices_from_plan(plan, NOTHING), INLINE)
    with pytest.raises(OptionError, match="--from takes the plan of a run, and so does --plan; leave one of them out"):
        train_family(tmp_path / "new", replace(choices_from_plan(plan, NOTHING, derived), origin=derived), INLINE)
    ordinary = replace(plan, data=replace(plan.data, changes=None))
    with_file = choices_from_plan(ordinary, Choices(changes=derived / "changes.csv"))
    with pytest.raises(OptionError, match="--from names the run whose data are changed"):
        train_family(tmp_path / "new", with_file, INLINE)
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    shutil.copy(derived / "plan.toml", lonely)
    with pytest.raises(DataError, match=r"changes.csv: found nothing, expected a file"):
        train_family(tmp_path / "new", choices_from_plan(plan, NOTHING, lonely), INLINE)
    (lonely / "changes.csv").write_bytes((derived / "changes.csv").read_bytes() + b"\n")
    with pytest.raises(DataError, match=r"has SHA-256 .* that of the plan beside it; put the original there"):
        train_family(tmp_path / "new", choices_from_plan(plan, NOTHING, lonely), INLINE)
    with pytest.raises(DataError, match=r"first line is of data .*; take the file that was made for this run"):
        train_family(tmp_path / "new", choices_from_plan(plan, Choices(label_noise=0.2), derived), INLINE)
    assert not (tmp_path / "new").exists()


def test_what_was_done_to_its_data_since_is_told_without_what_was_changed_for_it(tiny_choices, tiny_npz, tmp_path):
    """Dropped and relabelled examples are no difference; a label that changed in the source is one."""
    source = tmp_path / "data.npz"
    shutil.copy(tiny_npz, source)
    given = replace(tiny_choices, data=f"npz:{source}", models=10, widths=(2,))
    train_family(tmp_path / "first", given, INLINE)
    data = open_run(tmp_path / "first").dataset()
    file = file_of(tmp_path / "changes.csv", data, *some_changes(data))
    train_family(tmp_path / "run", Choices(origin=tmp_path / "first", changes=file), INLINE)
    assert train_family(tmp_path / "run", NOTHING, INLINE).data_changed == ""
    arrays = dict(np.load(source))
    np.savez(source, **arrays)  # other bytes, the same data
    assert train_family(tmp_path / "run", NOTHING, INLINE).data_changed == ""
    arrays["train_labels"][0] = (arrays["train_labels"][0] + 1) % 4
    np.savez(source, **arrays)
    told = train_family(tmp_path / "run", NOTHING, INLINE).data_changed
    assert "has changed since this run was made: 1 with another label, of 153 images" in told
    assert "of which others are derived by --from NEW" in told


def test_the_run_that_it_is_from_may_have_lost_its_cache_or_its_data_be_elsewhere(
    tiny_run, tiny_npz, changes, derived, tmp_path
):
    lost = tmp_path / "lost"
    shutil.copytree(tiny_run, lost)
    shutil.rmtree(lost / "cache")
    moved = tmp_path / "moved.npz"
    shutil.copy(tiny_npz, moved)
    train_family(tmp_path / "one", Choices(origin=lost, changes=changes), INLINE)
    assert not (lost / "cache").exists()
    assert_same_outcomes(tmp_path / "one", derived)
    train_family(tmp_path / "two", Choices(origin=lost, changes=changes, data=f"npz:{moved}"), INLINE)
    assert open_run(tmp_path / "two").plan.data.spec == f"npz:{moved}"
    assert_same_outcomes(tmp_path / "two", derived)
    assert load_dataset(f"npz:{moved}").fingerprint != open_run(tmp_path / "two").plan.data.fingerprint


def test_a_derived_run_is_scored_as_any_other(derived):
    report = score(derived)
    assert report.examples == 115
    assert report.flipped == int(open_run(derived).examples.flipped.sum())
    task, outcome = next(open_run(derived).outcomes(2))
    assert read_outcome(derived, open_run(derived).plan, task).predicted_train.shape == outcome.predicted_train.shape
