"""Paths as users type them: ~ behind a prefix, other Unicode forms, relative and linked ones; and data that moved."""

import os
import shutil
import unicodedata
from contextlib import chdir
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import memscope
from memscope.cli import memscope as command_line
from memscope.errors import MemscopeError
from memscope.files.places import found_place, found_spec, mended_spec, short_spec
from memscope.plan.plan_file import plan_to_toml, read_plan
from memscope.work.options import absolute

MADE = "--trainer record --widths 2,4 --models 10"


@pytest.fixture
def home(tmp_path, tiny_npz, monkeypatch):
    place = tmp_path / "home"
    place.mkdir()
    shutil.copy(tiny_npz, place / "d.npz")
    monkeypatch.setenv("HOME", str(place))
    return place


def run(arguments, cwd):
    """A command in this process: torch is loaded once."""
    with chdir(cwd):
        done = CliRunner().invoke(command_line, arguments.split())
    told = isinstance(done.exception, MemscopeError)
    assert done.exception is None or told or isinstance(done.exception, SystemExit), done.exception
    return SimpleNamespace(
        returncode=1 if told else done.exit_code, stderr=str(done.exception) if told else done.output
    )


def test_a_tilde_is_the_home_directory_in_every_path(home, tmp_path, tiny_run):
    assert run(f"train-family ~/made --data npz:~/d.npz {MADE}", tmp_path).returncode == 0
    assert memscope.open_run("~/made").plan.data.spec == f"npz:{home / 'd.npz'}"
    assert run(f"train-family ~/again --plan=~/made/plan.toml {MADE}", tmp_path).returncode == 0
    shutil.copytree(tiny_run, home / "run")
    done = run("score ~/run --csv=~/x.csv --npz=~/x.npz --suspects=~/s.csv", tmp_path)
    assert done.returncode == 0, done.stderr
    assert run("trajectories ~/run --plot=~/figs", tmp_path).returncode == 0
    assert run("status ~/run", tmp_path).returncode == 0
    assert {path.name for path in home.iterdir()} >= {"made", "again", "run", "x.csv", "x.npz", "s.csv", "figs"}
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert run("train-family new --data npz:~nobody-here/d.npz", tmp_path).returncode == 1


def test_a_plan_of_before_with_a_tilde_for_a_directory_goes_on(home, tmp_path):
    assert run(f"train-family made --data npz:~/d.npz {MADE}", tmp_path).returncode == 0
    plan = read_plan(tmp_path / "made/plan.toml")
    before = replace(plan, data=replace(plan.data, spec="npz:/some/dir/~/d.npz"))
    (tmp_path / "made/plan.toml").write_bytes(plan_to_toml(before))
    shutil.rmtree(tmp_path / "made/cache")
    assert run("train-family made", tmp_path).returncode == 0
    assert (tmp_path / "made/cache/images.npy").is_file()
    assert run(f"train-family again --plan made/plan.toml {MADE}", tmp_path).returncode == 0
    assert memscope.open_run(tmp_path / "again").plan.data.spec == f"npz:{home / 'd.npz'}"


def test_a_directory_that_is_called_tilde_stays_what_it_is(home, tmp_path):
    (tmp_path / "~").mkdir()
    shutil.copy(home / "d.npz", tmp_path / "~/d.npz")
    assert mended_spec(f"npz:{tmp_path}/~/d.npz") == f"npz:{tmp_path}/~/d.npz"
    assert mended_spec(f"npz:{tmp_path}/no/~/d.npz") == f"npz:{home}/d.npz"
    assert mended_spec(f"npz:{tmp_path}/no/~/none.npz") == f"npz:{tmp_path}/no/~/none.npz"
    assert mended_spec("fashion-mnist-5k") == "fashion-mnist-5k"
    assert absolute("npz:~/d.npz") == f"npz:{home}/d.npz"


def test_data_that_have_moved_are_told_and_are_given_anew(home, tmp_path):
    assert run(f"train-family made --data npz:home/d.npz {MADE}", tmp_path).returncode == 0
    (home / "d.npz").rename(home / "e.npz")
    shutil.rmtree(tmp_path / "made/cache")
    for arguments in ("train-family made", "train-family new --plan made/plan.toml"):
        done = run(arguments, tmp_path)
        assert done.returncode == 1
        assert f"npz:{home}/d.npz, the data of this run, are no longer there; give their new place" in done.stderr
        assert "--data npz:PLACE" in done.stderr
    assert run("train-family made --data npz:home/e.npz", tmp_path).returncode == 0


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_are_found_in_the_unicode_form_that_the_disk_has(tmp_path, tiny_npz, form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    name, typed = (unicodedata.normalize(each, "Bücher/été") for each in (form, other))
    place = tmp_path / name
    place.mkdir(parents=True)
    shutil.copy(tiny_npz, place / "d.npz")
    assert found_spec(f"npz:{tmp_path}/{typed}/d.npz") == f"npz:{place}/d.npz"
    assert found_place(f"{tmp_path}/{typed}/new") == place / "new"
    assert found_place(f"{tmp_path}/{typed}-new") == tmp_path / name.split("/")[0] / f"{typed.split('/')[1]}-new"
    assert run(f"train-family {typed}/run --data npz:{typed}/d.npz {MADE}", tmp_path).returncode == 0
    assert run(f"status {typed}/run", tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [name.split("/")[0]]


def test_runs_and_data_behind_links_and_relative_paths_are_found(home, tmp_path):
    os.symlink(home, tmp_path / "linked")
    assert run(f"train-family linked/run --data npz:linked/d.npz {MADE}", tmp_path).returncode == 0
    os.symlink(home / "run", tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    shutil.rmtree(home / "run/cache")
    assert run("train-family ../run", tmp_path / "elsewhere").returncode == 0
    assert (home / "run/cache/images.npy").is_file()
    assert run("train-family ./run --data npz:./home/../home/d.npz", tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("spec", "short"),
    [
        ("folder:/home/me/data/signs", "folder:signs"),
        ("folder:signs/", "folder:signs"),
        ("npz:d.npz", "npz:d.npz"),
        ("hdf5:/a/b c/set.h5", "hdf5:set.h5"),
        ("torchvision:CIFAR10:/home/me/data", "torchvision:CIFAR10"),
        ("torchvision:CIFAR10", "torchvision:CIFAR10"),
        ("fashion-mnist-5k", "fashion-mnist-5k"),
        ("folder:/", "folder:/"),
    ],
)
def test_captions_name_a_data_set_without_the_folders_above_it(spec, short):
    assert short_spec(spec) == short
