"""What `memscope doctor` says of this machine, and of others."""

import os
from pathlib import Path

import pytest
import torch

from memscope.cores import cgroup_cores, cores
from memscope.steps import doctor as step
from memscope.steps.doctor import doctor


def test_it_tells_what_this_machine_has():
    found = doctor(speed=False)
    assert found.packages["torch"] == torch.__version__
    assert (found.cores, found.cores_of_machine) == (cores(), os.cpu_count())
    assert found.devices[0] == "cpu"
    assert (found.lanes is None) == (found.no_lanes is not None)
    assert found.free_bytes > 0
    assert found.speeds == ()


def test_it_measures_each_backend_that_there_is(monkeypatch):
    monkeypatch.setattr(step, "SECONDS", 0.2)
    found = doctor()
    assert [each.backend for each in found.speeds] == (["lanes"] if found.lanes else []) + ["torch"]
    for each in found.speeds:
        assert each.images_per_second > 10
        assert each.models_per_minute == pytest.approx(60 * each.images_per_second / (20 * 700))
    if found.lanes:
        assert found.speeds[0].images_per_second > 2 * found.speeds[1].images_per_second


def test_a_missing_extra_is_named_with_the_command_that_installs_it(monkeypatch):
    there = step.installed
    monkeypatch.setattr(step, "installed", lambda name: None if name in ("scipy", "faiss-cpu") else there(name) or "1")
    found = {extra.name: extra for extra in doctor(speed=False).missing_extras}
    assert set(found) == {"faiss", "vision"}
    assert found["vision"].missing == ("scipy",)
    assert found["vision"].command == 'pip install "memscope-ml[vision]"'


def test_the_extras_are_those_of_the_package():
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    theirs = {
        name: {one.partition(">")[0] for one in packages}
        for name, packages in project["optional-dependencies"].items()
        if name not in ("test", "benchmarks")
    }
    assert theirs == {name: set(packages) for name, (packages, _) in step.EXTRAS.items()}


def test_without_a_compiler_it_says_why_there_are_no_lanes_and_what_to_install(monkeypatch):
    from memscope.training.backends.lanes import library as compiled

    def none():
        raise compiled.NoLibraryError("there is no C compiler (cc, gcc or clang)")

    monkeypatch.setattr(compiled, "library", none)
    monkeypatch.setattr(step.shutil, "which", lambda name: None)
    monkeypatch.delenv("CC", raising=False)
    found = doctor(speed=False)
    assert (found.lanes, found.compiler) == (None, None)
    (line,) = [line for line in found.advice if "lanes" in line]
    assert "there is no C compiler" in line
    assert "apt install gcc" in line


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "nonsense"}, None),
        ({}, None),
    ],
)
def test_the_limit_of_a_container_is_read(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cgroup_cores(tmp_path) == expected


def test_a_container_with_less_time_than_cores_is_told_how_many_workers(monkeypatch):
    monkeypatch.setattr(step, "cgroup_cores", lambda: 1.5)
    monkeypatch.setattr(step, "cores", lambda: 8)
    (line,) = [line for line in doctor(speed=False).advice if "container" in line]
    assert "--workers 1" in line
