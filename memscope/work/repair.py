"""`memscope status --repair`: read every file of a run to its last byte, and move aside what is damaged.

A file that is moved aside counts as missing, so the command that makes it will make it again. It goes to `damaged/` in
the run, under the same path. Nothing else is touched.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from memscope.analysis.proxies.catalogue import GROUPS as PROXY_GROUPS
from memscope.errors import DataError, FileError, NewerError, RunError
from memscope.files.atomic import make_directory, remove_abandoned, sync_directory, unwritten, write_atomically
from memscope.files.places import at_home
from memscope.plan.plan_file import plan_from_toml, read_plan
from memscope.reports.status import MovedFile, Repair
from memscope.run import Run, open_run, plan_path
from memscope.store.changes import changes_path, read_run_changes
from memscope.store.dynamics import check_checkpoints, read_dynamics
from memscope.store.examples import check_images, examples_path, image_cache, read_examples
from memscope.store.format import GROUPS
from memscope.store.ledger import Outcome, Task, outcome_digest, read_outcome, task_at
from memscope.store.memorability import chunk_at, read_memorability
from memscope.store.memories import MemoryFile, file_at, read_memory
from memscope.store.proxies import group_at, read_proxies
from memscope.store.results import ASSEMBLED, assemble, check_assembled, plan_in_results, read_results, results_path
from memscope.store.weights import read_weights

DAMAGED = "damaged"


def repair(path: str | os.PathLike[str]) -> Repair:
    """Read every file of a run that numbers come from; move aside what is damaged or belongs to another run.

    RunError, with the file left where it is, if the directory is not a run, if its plan is damaged and its results hold
    no copy, if a file is of a newer version, or if the system does not let us read or move a file.
    """
    directory = at_home(path)
    moved = restore_plan(directory) if plan_path(directory).is_file() else []
    run = open_run(directory)
    remove_abandoned(directory)
    files = 1
    for file, check in files_of(run):
        files += 1
        try:
            check()
        except FileError as error:
            again = f"{error.again} makes it again"
            with suppress(FileNotFoundError):  # another call may have moved or replaced it meanwhile
                moved.append(MovedFile(file=str(file), to=move_aside(directory, file), found=error.found, again=again))
    if (directory / "results").is_dir() and not (directory / ASSEMBLED).is_file():
        assemble(directory, run.plan)
    return Repair(files=files, moved=tuple(moved))


def restore_plan(directory: Path) -> list[MovedFile]:
    """If `plan.toml` is damaged, replace it with the copy in the results."""
    file = plan_path(directory)
    try:
        read_plan(file)
    except NewerError:
        raise
    except RunError as error:
        kept = plan_in_results(directory)
        if kept is None:
            raise
        plan_from_toml(directory / ASSEMBLED, kept)
        moved = MovedFile(
            file=str(file), to=move_aside(directory, file), found=str(error), again=f"restored as {ASSEMBLED} keeps it"
        )
        write_atomically(file, kept.encode())
        return [moved]
    return []


def files_of(run: Run) -> Iterator[tuple[Path, Callable[[], object]]]:
    """The files of a run that numbers come from, each with a function that reads and checks all of it.

    A file that belongs to no task of the plan is never read, so it is left out.
    """
    path, plan = run.path, run.plan
    digests: dict[Task, str] = {}
    if examples_path(path).is_file():
        yield examples_path(path), lambda: read_examples(path, plan.data.fingerprint)
    if image_cache(path).is_file() and examples_path(path).is_file():
        yield image_cache(path), lambda: check_images(path, plan)

    def check_outcome(task: Task) -> Outcome:
        outcome = read_outcome(path, plan, task)
        digests[task] = outcome_digest(outcome)
        return outcome

    def digest_of(task: Task) -> str | None:
        if task not in digests:
            with suppress(RunError):  # without its outcome there is nothing to compare a file with
                check_outcome(task)
        return digests.get(task)

    def check_memory(task: Task, what: MemoryFile) -> object:
        digest = digest_of(task)
        return read_memory(path, plan, task, what, digest) if digest else None

    def check_proxies(task: Task, group: str) -> object:
        digest = digest_of(task)
        return read_proxies(path, plan, task, group, digest) if digest else None

    def count() -> int:
        """Training examples; 0, of which no file is, where nothing says how many."""
        with suppress(RunError):
            return len(read_examples(path, plan.data.fingerprint).labels)
        return 0

    if plan.data.changes is not None and changes_path(path).is_file():
        yield changes_path(path), partial(read_run_changes, path, plan.data)
    for file in sorted((path / "outcomes").rglob("*.h5")):
        if task := task_at(plan, file.relative_to(path / "outcomes")):
            yield file, partial(check_outcome, task)
    for file in sorted((path / "weights").rglob("*.safetensors")):
        if task := task_at(plan, file.relative_to(path / "weights")):
            yield file, partial(read_weights, path, plan, task)
    for file in sorted((path / "dynamics").rglob("*.h5")):
        if task := task_at(plan, file.relative_to(path / "dynamics")):
            yield file, partial(read_dynamics, path, plan, task)
    for file in sorted((path / "dynamics").rglob("*.safetensors")):
        if task := task_at(plan, file.relative_to(path / "dynamics")):
            yield file, partial(check_checkpoints, path, plan, task)
    for file in sorted((path / "memories").rglob("*.h5")):
        what, inside = file_at(file.relative_to(path / "memories"))
        if task := task_at(plan, inside):
            yield file, partial(check_memory, task, what)
    for file in sorted((path / "proxies").rglob("*.h5")):
        measured, inside = group_at(file.relative_to(path / "proxies"))
        if measured in PROXY_GROUPS and (task := task_at(plan, inside)):
            yield file, partial(check_proxies, task, measured)
    for file in sorted((path / "memorability").rglob("*.h5")):
        if found := chunk_at(file.relative_to(path / "memorability"), count()):
            yield file, partial(read_memorability, path, plan.data.fingerprint, *found)
    again = f"memscope memorability {path} --train"
    if (path / "predictors").is_dir():
        from memscope.predictors.fits import read_fit_file  # loads torch
    for file in sorted((path / "predictors").glob("*.safetensors")):
        yield file, partial(check_kept, path, file, again)
    for file in sorted((path / "predictors" / "fits").rglob("*.safetensors")):
        yield file, partial(read_fit_file, path, file, again)
    for group in GROUPS:
        if results_path(path, group).is_file():
            yield results_path(path, group), partial(read_results, path, group, plan)
    if (path / ASSEMBLED).is_file():
        yield path / ASSEMBLED, lambda: check_assembled(path, plan)


def check_kept(run: Path, file: Path, again: str) -> None:
    """FileError unless a file is a predictor that can be read."""
    from memscope.predictors.kept import read_kept  # loads torch

    try:
        read_kept(file)
    except DataError as error:
        raise FileError(run, file, f"is damaged: {str(error).removeprefix(f'{file}: ')}", again) from error


def move_aside(directory: Path, file: Path) -> str:
    """Move a file of a run into its `damaged/` and return its new path. RunError if that fails."""
    target = directory / DAMAGED / file.relative_to(directory)
    number = 1
    while target.exists():
        number += 1
        target = target.with_name(f"{file.name}.{number}")
    try:
        make_directory(target.parent)
        os.rename(file, target)
        sync_directory(target.parent)
        sync_directory(file.parent)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unwritten(target, error) from error
    return str(target)
