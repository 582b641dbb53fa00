"""Code of the user's own that changes between two growths of a run: outcomes say which made them, `score` warns."""

import hashlib
import importlib
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
from click.testing import CliRunner

from memscope.cli import memscope
from memscope.imports import source_digest
from memscope.reports.keys import keys_of
from memscope.run import open_run
from memscope.steps.score import score
from memscope.steps.train_family import train_family
from memscope.store.ledger import CODE, Task, read_outcome, write_outcome
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

INLINE = WorkOptions(device="cpu", engine="inline")

TRAINER = """import numpy as np

def train(data, subset, seeds, size):
    return np.full(160, {answer}), None
"""
FAMILY = """from torch import nn

def build(size, image_shape, num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, {units} * size), nn.ReLU(), nn.Linear({units} * size, num_classes))
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Puts a source in place of the module `changing`, which is imported anew, and gives its SHA-256."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two edits within one second would be taken for one
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    (tmp_path / "code").mkdir()

    def write(source: str) -> str:
        (tmp_path / "code" / "changing.py").write_text(source)
        sys.modules.pop("changing", None)
        importlib.invalidate_caches()
        return hashlib.sha256(source.encode()).hexdigest()

    yield write
    sys.modules.pop("changing", None)


def attributes(run: Path, first: int) -> dict[str, str]:
    (path,) = (run / "outcomes" / "onehot" / "width-1").glob(f"{first:05d}-*.h5")
    with h5py.File(path) as file:
        return {name: file.attrs[name] for name in file.attrs if name.endswith(("_source", "timm_version"))}


def warnings_of(run: Path) -> list[str]:
    shown = CliRunner().invoke(memscope, ["score", str(run), "--details"], env={"COLUMNS": "1000"})
    assert shown.exit_code == 0, shown.output
    return [line for line in shown.output.splitlines() if line.startswith("Warning") and "made from" in line]


def test_an_own_trainer_that_changed_between_two_growths_is_told_with_both_digests(tiny_choices, tmp_path, module):
    run, before = tmp_path / "run", module(TRAINER.format(answer=1))
    train_family(run, replace(tiny_choices, trainer="changing:train", models=10, widths=(1,)), INLINE)
    assert keys_of(score(run))["made_from"] == {"trainer_source": [before]}
    assert warnings_of(run) == []
    after = module(TRAINER.format(answer=2))
    train_family(run, Choices(models=20), INLINE)
    assert [set(outcome.predicted_train.flat) for _, outcome in open_run(run).outcomes(1)] == [{1}, {2}]
    assert (attributes(run, 0), attributes(run, 10)) == ({"trainer_source": before}, {"trainer_source": after})
    assert keys_of(score(run))["made_from"] == {"trainer_source": sorted([before, after])}
    (line,) = warnings_of(run)
    for part in ("changing:train", before[:12], after[:12], "expected one", "make a new run"):
        assert part in line


def test_an_own_family_that_changed_between_two_sizes_is_told_with_both_digests(tiny_choices, tmp_path, module):
    run, before = tmp_path / "run", module(FAMILY.format(units=4))
    train_family(run, replace(tiny_choices, family="changing:build", models=10, widths=(1,)), INLINE)
    after = module(FAMILY.format(units=16))
    train_family(run, Choices(widths=(1, 2)), INLINE)
    assert keys_of(score(run))["made_from"] == {"family_source": sorted([before, after])}
    (line,) = warnings_of(run)
    for part in ("changing:build", before[:12], after[:12]):
        assert part in line


def test_the_second_models_of_a_subset_count_as_well(tiny_choices, tmp_path, module):
    run, before = tmp_path / "run", module(TRAINER.format(answer=1))
    train_family(run, replace(tiny_choices, trainer="changing:train", models=10, widths=(1,)), INLINE)
    after = module(TRAINER.format(answer=2))
    train_family(run, Choices(), INLINE, replicates=2)
    assert keys_of(score(run))["made_from"] == {"trainer_source": sorted([before, after])}


def test_workers_in_processes_of_their_own_stamp_the_same(tiny_choices, tmp_path, module, monkeypatch):
    digest = module(TRAINER.format(answer=1))
    monkeypatch.chdir(tmp_path / "code")
    choices = replace(tiny_choices, trainer="changing:train", models=10, widths=(1,))
    train_family(tmp_path / "run", choices, WorkOptions(device="cpu", workers=1))
    assert attributes(tmp_path / "run", 0) == {"trainer_source": digest}


def test_a_file_from_before_stamps_is_unknown_and_not_different(tiny_choices, tmp_path, module):
    run, digest = tmp_path / "run", module(TRAINER.format(answer=1))
    train_family(run, replace(tiny_choices, trainer="changing:train", models=20, widths=(1,)), INLINE)
    plan, task = open_run(run).plan, Task("onehot", 1, 0, 10)
    outcome = read_outcome(run, plan, task)
    unknown = {kind: value for kind, value in outcome.made_by.items() if kind != "trainer_source"}
    write_outcome(run, plan, task, replace(outcome, made_by=unknown))
    assert (attributes(run, 0), attributes(run, 10)) == ({}, {"trainer_source": digest})
    found = keys_of(score(run))
    assert found["made_from"] == {"trainer_source": [digest]}
    assert len(found["made_by"]) == 1
    assert warnings_of(run) == []


def test_another_timm_is_told(tiny_choices, tmp_path, monkeypatch):
    run = tmp_path / "run"
    train_family(run, replace(tiny_choices, family="timm/resnet18", models=10, widths=(2,), epochs=1), INLINE)
    import timm  # not before the family is opened, which mends torchvision

    now = timm.__version__
    assert keys_of(score(run))["made_from"] == {"timm_version": [now]}
    monkeypatch.setattr(timm, "__version__", "0.0.1")
    train_family(run, Choices(models=20), INLINE)
    assert keys_of(score(run))["made_from"] == {"timm_version": sorted(["0.0.1", now])}
    assert f"2 versions of timm (0.0.1, {now})" in " ".join(warnings_of(run))


def test_families_and_training_of_memscope_need_no_stamp(tiny_run):
    made_by = [outcome.made_by.keys() for _, outcome in open_run(tiny_run).outcomes(2)]
    assert all(not set(CODE) & set(keys) for keys in made_by)
    assert {"device", "precision", "torch_version", "memscope_version"} <= set(made_by[0])


def test_a_module_without_a_source_file_has_no_digest(module):
    digest = module("value = 1\n")
    import changing
    import numpy._core._multiarray_umath  # noqa: F401

    assert source_digest("changing:value") == digest
    Path(changing.__file__).unlink()
    for name in ("changing:value", "sys:exit", "numpy._core._multiarray_umath:dot"):
        assert source_digest(name) is None, name
