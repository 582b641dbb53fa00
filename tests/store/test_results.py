import contextlib
import json

import h5py
import numpy as np
import pytest
import xarray

from memscope.errors import RunError
from memscope.run import open_run
from memscope.steps.score import score
from memscope.steps.trajectories import trajectories
from memscope.store.format import GROUPS
from memscope.store.results import assemble, plain, results_path


@pytest.fixture
def scored(tiny_run, tmp_path):
    import shutil

    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    score(path)
    trajectories(path)
    return path


def test_xarray_opens_every_group_with_named_dimensions_and_sizes_as_coordinates(scored):
    for group in ("score", "trajectories", "examples"):
        with xarray.open_dataset(scored / "trajectories.h5", engine="h5netcdf", group=group) as found:
            assert set(found.variables) >= set(found.dims)
            for name, variable in found.variables.items():
                if name in GROUPS[group]:
                    assert tuple(variable.dims) == GROUPS[group][name].dims, name
    with xarray.open_dataset(scored / "trajectories.h5", engine="h5netcdf", group="score") as found:
        assert found["score"].sel(size=8).sizes == {"example": 120}
        assert found["score"].attrs["long_name"]
        assert found["size"].values.tolist() == [2, 4, 8]


def test_every_dataset_says_its_unit_and_what_it_is_and_every_group_its_encoding(scored):
    with h5py.File(scored / "trajectories.h5") as file:
        for group in file.values():
            assert group.attrs["encoding-type"]
            assert group.attrs["encoding-version"]
            for name, data in group.items():
                assert data.attrs["long_name"], name
                if name in GROUPS[group.name[1:]]:
                    assert data.attrs["units"], name


def test_one_file_holds_all_results_and_the_plan(scored):
    with h5py.File(scored / "trajectories.h5") as file:
        assert set(file) == {"examples", "score", "trajectories"}
        assert file.attrs["plan"] == (scored / "plan.toml").read_text()
        for group in ("score", "trajectories"):
            with h5py.File(results_path(scored, group)) as own:
                for name in own[group]:
                    ours, theirs = own[group][name][()], file[group][name][()]
                    assert np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")


def test_a_step_that_ends_while_another_assembles_is_not_lost(scored, monkeypatch):
    import memscope.store.results as module

    hidden = results_path(scored, "trajectories")
    aside = scored / "aside.h5"
    hidden.rename(aside)
    real, calls = module.copy_groups, []

    def meanwhile(path, target, plan):
        if path == results_path(scored, "score") and path.name not in calls:
            aside.rename(hidden)  # another step's results come in while ours are being put together
        calls.append(path.name)
        real(path, target, plan)

    monkeypatch.setattr(module, "copy_groups", meanwhile)
    assemble(scored, open_run(scored).plan)
    with h5py.File(scored / "trajectories.h5") as file:
        assert "trajectories" in file
    assert calls == ["examples.h5", "score.h5", "examples.h5", "score.h5", "trajectories.h5"]


@pytest.mark.parametrize(
    ("attribute", "value", "says"),
    [
        ("encoding-version", "9.0", "upgrade memscope"),
        ("plan_digest", "0" * 64, "has plan digest 0{12}, expected"),
        ("encoding-type", "anndata", "expected encoding memscope-score"),
    ],
)
def test_results_that_do_not_fit_are_refused(scored, attribute, value, says):
    with h5py.File(results_path(scored, "score"), "r+") as file:
        file["score"].attrs[attribute] = value
        del file.attrs["sealed"]  # as files from before seals
    with pytest.raises(RunError, match=says):
        open_run(scored).scores(size=4)


def test_the_summary_is_json_without_nan(scored):
    def refuse(constant):
        raise AssertionError(constant)

    with h5py.File(scored / "trajectories.h5") as file:
        summary = json.loads(file["score"].attrs["summary"], parse_constant=refuse)
    assert [row["models"] for row in summary["sizes"]] == [20, 20, 20]
    assert plain({"a": [float("nan"), 1.0, float("inf")], 2: (True,)}) == {"a": [None, 1.0, None], "2": [True]}


def test_damaged_results_of_one_step_do_not_keep_another_from_its_own(scored):
    other = results_path(scored, "trajectories")
    other.write_bytes(other.read_bytes()[:3000])
    score(scored)
    with h5py.File(scored / "trajectories.h5") as file:
        assert set(file) == {"examples", "score"}
    trajectories(scored)
    with h5py.File(scored / "trajectories.h5") as file:
        assert set(file) == {"examples", "score", "trajectories"}


def test_flipped_bytes_in_results_and_examples_give_an_error_of_ours_or_nothing(scored):
    random = np.random.default_rng(0)
    for path in (results_path(scored, "score"), scored / "examples.h5"):
        content = path.read_bytes()
        for position in random.integers(0, len(content), 20):
            broken = bytearray(content)
            broken[position] ^= 1 << random.integers(8)
            path.write_bytes(bytes(broken))
            run = open_run(scored)
            with contextlib.suppress(RunError):
                run.results("score")
            with contextlib.suppress(RunError):
                assert len(run.examples.labels)
        path.write_bytes(content)
