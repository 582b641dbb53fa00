"""Files of a run, damaged at random: found and named, or without any effect on a number.

A case is its number: `MEMSCOPE_CASE=17 pytest tests/reliability/test_damage.py` does that one again.
"""

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from memscope.cli import memscope
from memscope.errors import MemscopeError, RunError
from memscope.run import open_run
from memscope.steps.resmem import resmem
from memscope.steps.score import score
from memscope.steps.train_family import train_family
from memscope.store.ledger import read_outcome, task_at
from memscope.store.results import read_group
from memscope.work.carrying_out import WorkOptions
from memscope.work.repair import DAMAGED, files_of, repair
from tests.reliability.conftest import measure_proxies

pytestmark = pytest.mark.xdist_group("reliability")  # whole_run takes a while to make
INLINE = WorkOptions(device="cpu", engine="inline")


def damage(content: bytes, others: list[bytes], random: np.random.Generator) -> tuple[str, bytes]:
    """One kind of damage, drawn at random, and the content after it."""
    kind = random.choice(["bits", "bytes", "cut", "zeros", "noise", "longer", "other file", "moved"])
    broken = bytearray(content)
    place = int(random.integers(len(content)))
    length = int(min(2 ** random.integers(0, 13), len(content) - place))
    if kind == "bits":
        for position in random.integers(0, len(content), random.integers(1, 9)):
            broken[position] ^= 1 << random.integers(8)
    elif kind == "bytes":
        for position in random.integers(0, len(content), random.integers(1, 9)):
            broken[position] = random.integers(256)
    elif kind == "cut":
        del broken[place:]
    elif kind == "zeros":
        broken[place : place + length] = bytes(length)
    elif kind == "noise":
        broken[place : place + length] = random.bytes(length)
    elif kind == "longer":
        broken += random.bytes(length)
    elif kind == "other file":
        broken = bytearray(others[random.integers(len(others))])
    else:
        del broken[place : place + length]
        broken[place // 2 : place // 2] = content[place : place + length]
    return str(kind), bytes(broken)


def numbers(found: object) -> object:
    """What was read, as plain data that can be compared; NaN equals NaN."""
    if dataclasses.is_dataclass(found):
        return {field.name: numbers(getattr(found, field.name)) for field in dataclasses.fields(found)}
    if isinstance(found, np.ndarray):
        return str(found.dtype), found.shape, found.tolist() if found.dtype == object else found.tobytes()
    if isinstance(found, dict):
        return {key: numbers(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [numbers(value) for value in found]
    return found


def run_numbers(path: Path) -> dict[str, object]:
    """All that numbers are made from and all that was made, but how long it took."""
    run, found = open_run(path), {}
    for file, read in files_of(run):
        kind = file.relative_to(path).parts[0]
        if kind == "results":
            found[file.name] = numbers(read()[0])
        elif kind == "outcomes":
            task = task_at(run.plan, file.relative_to(path / "outcomes"))
            outcome = numbers(read_outcome(path, run.plan, task))
            found[str(task)] = {name: value for name, value in outcome.items() if "seconds" not in name}
        elif kind == "dynamics" and file.suffix == ".h5":
            found[str(file.relative_to(path))] = {
                name: values for name, values in numbers(read()).items() if name != "seconds"
            }
        elif kind in ("weights", "memories", "dynamics", "proxies"):
            found[str(file.relative_to(path))] = numbers(read())
    return found


def attempt(read: Callable[[], object]) -> tuple[object, str | None]:
    """What it gives and no error, or nothing and the message of its error."""
    try:
        return read(), None
    except RunError as error:
        return None, str(error)


def cases(thorough: bool, short: int, long: int) -> range:
    """The numbers of the cases to do."""
    one = os.environ.get("MEMSCOPE_CASE")
    return range(int(one), int(one) + 1) if one else range(long if thorough else short)


def test_damage_is_found_and_named_or_changes_no_number(whole_run, tmp_path, thorough):
    shutil.copytree(whole_run, tmp_path / "run")
    run = open_run(tmp_path / "run")
    files = list(files_of(run))
    kinds = {path.relative_to(run.path).parts[0] for path, _ in files}
    assert kinds == {
        *(
            "examples.h5",
            "cache",
            "outcomes",
            "weights",
            "dynamics",
            "memories",
            "proxies",
            "results",
            "trajectories.h5",
        )
    }
    contents = {path: path.read_bytes() for path, _ in files}
    truth = {path: numbers(read()) for path, read in files}
    found = harmless = 0
    for case in cases(thorough, 400, 20_000):
        random = np.random.default_rng(case)
        path, read = files[random.integers(len(files))]
        kind, broken = damage(contents[path], list(contents.values()), random)
        if broken == contents[path]:
            continue
        path.write_bytes(broken)
        values, error = attempt(read)
        if error is None:
            harmless += 1
            # a seal lets nothing pass; results may be replaced by trajectories.h5, which holds the same
            assert path.suffix != ".h5" or kind == "other file", (case, path, kind)
            assert numbers(values) == truth[path], (case, path, kind)
        else:
            found += 1
            assert str(path) in error, case
            assert "--repair" in error or "upgrade memscope" in error, (case, error)
            assert "\n" not in error, case
        path.write_bytes(contents[path])
    print(f"{found} found, {harmless} without effect")
    assert found > 20 * harmless or found + harmless < 100


def test_a_damaged_plan_is_refused_or_is_the_same_plan(whole_run, tmp_path, thorough):
    path = tmp_path / "plan.toml"
    content, plan = (whole_run / "plan.toml").read_bytes(), open_run(whole_run).plan
    other = content.replace(b"models = 20", b"models = 30")
    assert other != content
    for case in cases(thorough, 400, 20_000):
        _, broken = damage(content, [other], np.random.default_rng(case))
        path.write_bytes(broken)
        found, error = attempt(lambda: open_run(tmp_path).plan)
        assert found == plan or (str(path) in error and "\n" not in error), (case, error)


def test_no_command_ends_in_a_traceback_and_no_score_is_wrong(whole_run, tmp_path, thorough):
    run, truth = tmp_path / "run", read_group(whole_run, "score", open_run(whole_run).plan)
    shutil.copytree(whole_run, run)
    paths = [path for path in sorted(run.rglob("*")) if path.is_file() and ".claims" not in path.parts]
    contents = {path: path.read_bytes() for path in paths}
    commands = [("status",), ("status", "--timing"), ("score",), ("trajectories",), ("distill",)]
    commands += [("train-family", "--device", "cpu", "--engine", "inline")]
    refused = 0
    for case in cases(thorough, 20, 1_000):
        random = np.random.default_rng(case)
        path = paths[random.integers(len(paths))]
        path.write_bytes(damage(contents[path], list(contents.values()), random)[1])
        command, *options = commands[random.integers(len(commands))]
        done = CliRunner().invoke(memscope, [command, str(run), *options])
        where = (case, path, command, done.output, done.exception)
        assert done.exception is None or isinstance(done.exception, MemscopeError), where
        refused += done.exception is not None
        if command == "score" and done.exception is None:
            assert numbers(read_group(run, "score", open_run(run).plan)) == numbers(truth), (case, path)
        for other, content in contents.items():
            other.write_bytes(content)
    assert refused


def test_repair_moves_aside_what_is_damaged_and_the_commands_make_it_again(whole_run, tiny_choices, tried, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole_run, run)
    before = run_numbers(run)
    assert repair(run).moved == ()
    assert not (run / DAMAGED).exists()
    random = np.random.default_rng(0)
    broken = [
        run / "examples.h5",
        run / "cache" / "images.npy",
        next(run.glob("outcomes/onehot/width-4/*.h5")),
        next(run.glob("outcomes/full/width-8/*.h5")),
        next(run.glob("weights/onehot/width-2/*.safetensors")),
        next(run.glob("dynamics/onehot/width-8/*.h5")),
        next(run.glob("dynamics/full/width-2/*.safetensors")),
        next(run.glob("memories/onehot/*/width-8/*.h5")),
        next(run.glob("proxies/onehot/vog/width-4/*.h5")),
        run / "results" / "score.h5",
        run / "trajectories.h5",
    ]
    for path in broken:
        content = bytearray(path.read_bytes())
        content[random.integers(200, len(content))] ^= 1
        path.write_bytes(bytes(content))
    repaired = repair(run)
    # what cannot be checked without examples is not moved
    assert {Path(moved.file) for moved in repaired.moved} == {*broken} - {run / "cache" / "images.npy"}
    for moved in repaired.moved:
        assert Path(moved.to) == run / DAMAGED / Path(moved.file).relative_to(run)
        assert Path(moved.to).is_file()
        assert moved.found
    train_family(run, tiny_choices, INLINE)
    train_family(run, tiny_choices, INLINE, missing_weights=True)
    assert repair(run).moved == ()
    score(run)
    resmem(run, tried, INLINE)
    measure_proxies(run)
    assert run_numbers(run) == before


def test_a_damaged_plan_is_restored_from_the_results(whole_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole_run, run)
    plan = open_run(run).plan
    content = (run / "plan.toml").read_text()
    for broken in (content.replace("models = 20", "models = 30"), content[:300], ""):
        (run / "plan.toml").write_text(broken)
        with pytest.raises(RunError):
            open_run(run)
        (moved,) = repair(run).moved
        assert Path(moved.to).read_text() == broken
        assert open_run(run).plan == plan
    (run / "trajectories.h5").unlink()
    (run / "plan.toml").write_text("")
    with pytest.raises(RunError, match=r"plan\.toml"):
        repair(run)
    assert (run / "plan.toml").is_file()


def test_files_of_a_newer_version_stay_where_they_are(whole_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole_run, run)
    path = next(run.glob("outcomes/onehot/width-4/*.h5"))
    with h5py.File(path, "r+") as file:
        file.attrs["encoding-version"] = "2.0"
        del file.attrs["sealed"]
    with pytest.raises(RunError, match="upgrade memscope"):
        repair(run)
    assert path.is_file()
    plan = run / "plan.toml"
    plan.write_text(plan.read_text().replace("memscope-plan = 1", "memscope-plan = 2"))
    with pytest.raises(RunError, match="upgrade memscope"):
        repair(run)
    assert "memscope-plan = 2" in plan.read_text()


@pytest.mark.parametrize("kind", ["outcomes", "weights", "dynamics", "memories", "proxies", "results"])
def test_a_file_that_the_system_does_not_let_us_read_is_not_taken_for_damaged(whole_run, tmp_path, kind, monkeypatch):
    run = tmp_path / "run"
    shutil.copytree(whole_run, run)
    path = next(path for path in sorted((run / kind).rglob("*")) if path.is_file())
    real = Path.open

    def fails(self, *options, **more):
        if self == path:
            raise OSError(5, "Input/output error")
        return real(self, *options, **more)

    monkeypatch.setattr(Path, "open", fails)
    with pytest.raises(RunError, match=r"cannot be read: \[Errno 5\] Input/output error"):
        repair(run)
    assert path.is_file()


def test_the_repair_is_told(whole_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole_run, run)
    told = CliRunner().invoke(memscope, ["status", str(run), "--repair"])
    assert "all whole" in told.output
    (run / "results" / "score.h5").write_bytes(b"")
    told = CliRunner().invoke(memscope, ["status", str(run), "--repair"])
    assert f"Moved {run}/results/score.h5 to {run}/damaged/results/score.h5: it is damaged" in told.output
    assert f"memscope score {run} makes it again" in told.output
    assert told.exit_code == 0
