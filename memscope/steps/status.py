"""`memscope status`: what of a run is done, what is missing, what failed, and which results are out of date."""

import os
from pathlib import Path
from typing import Any

from memscope.errors import RunError
from memscope.run import Run, open_run
from memscope.store.format import GROUPS
from memscope.store.ledger import ONEHOT, finished_tasks, ledger_state, missing_tasks, size_directory, task_name
from memscope.store.results import read_results, results_path


def status(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The state of a run; keys in docs/format.md. Reads names and results only, no outcome."""
    run = open_run(path)
    plan = run.plan
    missing = missing_tasks(run.path, plan)
    sizes = []
    for size in plan.sizes:
        done = finished_tasks(run.path, plan, size)
        failures = size_directory(run.path, "failures", plan, ONEHOT, size)
        sizes.append(
            {
                "size": size,
                "models": sum(task.count for task in done),
                "missing": sum(task.count for task in missing if task.size == size),
                "failed_tasks": [
                    str(failures / f"{task_name(task)}.txt")
                    for task in missing
                    if task.size == size and (failures / f"{task_name(task)}.txt").is_file()
                ],
                "bytes": bytes_under(size_directory(run.path, "outcomes", plan, ONEHOT, size)),
                "weight_bytes": bytes_under(size_directory(run.path, "weights", plan, ONEHOT, size)),
            }
        )
    return {
        "run": str(path),
        "digest": plan.digest,
        "data": plan.data.spec,
        "family": plan.learner,
        "axis": plan.axis,
        "trainer": plan.recipe.trainer,
        "precision": plan.precision,
        "models_planned": plan.models,
        "sizes": sizes,
        "results": {group: result_state(run, group) for group in GROUPS if group != "examples"},
    }


def result_state(run: Run, group: str) -> str:
    """`missing`, `current`, `out of date` (the ledger has moved on since) or what is wrong with the file."""
    if not results_path(run.path, group).is_file():
        return "missing"
    try:
        _, ledger, _ = read_results(run.path, group, run.plan)
    except RunError as error:
        return str(error)
    return "current" if ledger == ledger_state(run.path, run.plan) else "out of date"


def bytes_under(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.glob("*") if file.is_file()) if directory.is_dir() else 0
