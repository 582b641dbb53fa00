"""The files of proxies: what they hold survives them; what is not theirs is refused with the line that mends it."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from memscope.analysis.proxies.catalogue import GROUPS, PROXIES
from memscope.errors import FileError, NewerError
from memscope.files.atomic import write_atomically
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.store.ledger import FULL, Task
from memscope.store.proxies import (
    MeasuredProxies,
    finished_proxies,
    group_at,
    pack_proxies,
    proxy_path,
    read_proxies,
)

PLAN = Plan(
    DataChoice("x", "f" * 64), "cnn", "width", None, (2, 16), 20, 0.7, 0, "float32", Recipe(epochs=3), 5, 2, dynamics=10
)
TASK = Task("onehot", 16, 5, 5)
DIGEST = "d" * 64


def measured(group: str, left_out: str | None = None) -> MeasuredProxies:
    random = np.random.default_rng(0)
    values = {name: random.normal(0, 1, (5, 37)).astype(np.float32) for name in GROUPS[group]}
    for those in values.values():
        those[random.random((5, 37)) < 0.3] = np.nan
    return MeasuredProxies(values, left_out)


def written(run: Path, stamps: dict[str, object] | None = None) -> Path:
    """A file of vog, with other stamps than its own."""
    path = proxy_path(run, PLAN, TASK, "vog")
    write_atomically(path, pack_proxies(PLAN, TASK, "vog", measured("vog"), DIGEST))
    if stamps:
        with h5py.File(path, "r+") as file:  # which cuts the seal off
            del file.attrs["sealed"]
            file.attrs.update(stamps)
    return path


def test_what_is_measured_together_is_all_that_needs_weights_each_once():
    kept = [name for names in GROUPS.values() for name in names]
    assert len(kept) == len(set(kept))
    assert set(kept) == {name for name, proxy in PROXIES.items() if proxy.needs in ("checkpoints", "weights")}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("left_out", [None, "it cannot be had"])
def test_values_survive_their_file(tmp_path, group, left_out):
    given = measured(group, left_out)
    write_atomically(proxy_path(tmp_path, PLAN, TASK, group), pack_proxies(PLAN, TASK, group, given, DIGEST))
    found = read_proxies(tmp_path, PLAN, TASK, group, DIGEST)
    assert found.left_out == left_out
    assert list(found.values) == list(GROUPS[group])
    for name, values in given.values.items():
        assert found.values[name].dtype == np.float32
        assert np.array_equal(found.values[name], values, equal_nan=True)


def test_files_are_where_format_md_says_and_each_field_says_what_it_is(tmp_path):
    path = written(tmp_path)
    assert path == tmp_path / "proxies/onehot/vog/width-16/00005-00009-r0.h5"
    assert group_at(path.relative_to(tmp_path / "proxies")) == ("vog", Path("onehot/width-16/00005-00009-r0.h5"))
    with h5py.File(path) as file:
        assert set(file) == {"model", "vog", "vog_by_class", "vog_probability", "vog_variance"}
        assert file.attrs["encoding-type"] == "memscope-proxies"
        assert all(file[name].attrs["long_name"] and file[name].attrs["units"] for name in file)
        assert file["model"][()].tolist() == [5, 6, 7, 8, 9]
        assert "left_out" not in file.attrs


def test_what_was_measured_is_found_by_group_size_and_variant(tmp_path):
    written(tmp_path)
    whole = Task(FULL, 2, 1, 1)
    write_atomically(proxy_path(tmp_path, PLAN, whole, "grand"), b"")
    assert finished_proxies(tmp_path, PLAN, 16, "vog") == [TASK]
    assert finished_proxies(tmp_path, PLAN, 2, "grand", FULL) == [whole]
    assert not finished_proxies(tmp_path, PLAN, 16, "grand")
    assert not finished_proxies(tmp_path, PLAN, 2, "vog")


@pytest.mark.parametrize(
    ("stamp", "value"),
    [
        ("plan_digest", "0" * 64),
        ("variant", "full"),
        ("axis", "depth"),
        ("size", 2),
        ("group", "el2n"),
        ("outcome_digest", "e" * 64),
    ],
)
def test_a_file_of_something_else_is_refused_with_the_command_that_makes_it(tmp_path, stamp, value):
    written(tmp_path, {stamp: value})
    with pytest.raises(FileError, match=f"memscope proxies {tmp_path} makes it again"):
        read_proxies(tmp_path, PLAN, TASK, "vog", DIGEST)


def test_a_file_of_other_models_or_of_another_outcome_is_refused(tmp_path):
    path = written(tmp_path)
    other = replace(TASK, first=0)
    write_atomically(proxy_path(tmp_path, PLAN, other, "vog"), path.read_bytes())
    with pytest.raises(FileError, match=r"has models \[5, 6, 7, 8, 9\], expected \[0, 1, 2, 3, 4\]"):
        read_proxies(tmp_path, PLAN, other, "vog", DIGEST)
    with pytest.raises(FileError, match="has outcome digest"):
        read_proxies(tmp_path, PLAN, TASK, "vog", "e" * 64)


def test_a_newer_file_is_refused_and_a_damaged_one_named(tmp_path):
    written(tmp_path, {"encoding-version": "2.0"})
    with pytest.raises(NewerError, match="upgrade memscope"):
        read_proxies(tmp_path, PLAN, TASK, "vog", DIGEST)
    path = written(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileError, match="is damaged"):
        read_proxies(tmp_path, PLAN, TASK, "vog", DIGEST)


def test_a_field_of_another_shape_or_type_is_damage(tmp_path):
    for values in (np.zeros((4, 37), np.float32), np.zeros((5, 3), np.float32), np.zeros((5, 37), np.int32)):
        path = written(tmp_path)
        with h5py.File(path, "r+") as file:
            del file.attrs["sealed"], file["vog_variance"]
            file["vog_variance"] = values
        with pytest.raises(FileError, match="vog_variance"):
            read_proxies(tmp_path, PLAN, TASK, "vog", DIGEST)
