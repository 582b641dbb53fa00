"""`memscope status`: what is done in a run, what is missing, what failed, and which results are out of date."""

import math
import os
from contextlib import suppress
from pathlib import Path

from memscope.analysis.example_split import FEWEST
from memscope.analysis.influential import roles
from memscope.analysis.privacy import references
from memscope.counting.needed import (
    RESERVED,
    all_diverged,
    block_lacking,
    block_of,
    recorded_blocks,
    recorded_variants,
    whole_blocks,
    without_weights,
)
from memscope.counting.privacy import without_log_odds
from memscope.counting.standard_errors import TARGETS, models_for
from memscope.errors import OptionError, RunError
from memscope.plan.backends import TORCH
from memscope.plan.recipe import OWN_LOOP
from memscope.reports.keys import report_of
from memscope.reports.results import RESULTS
from memscope.reports.score import ScoreReport
from memscope.reports.status import (
    CommandTime,
    DynamicsStatus,
    SizeStandardError,
    SizeStatus,
    StandardErrorForecast,
    StatusReport,
    VariantStatus,
)
from memscope.run import Run, open_run
from memscope.store.changes import derived_data_in
from memscope.store.dynamics import finished_dynamics, is_recorded, lacking_dynamics, recorded_tasks
from memscope.store.examples import examples_path
from memscope.store.ledger import (
    FULL,
    ONEHOT,
    REPLICATES,
    distilled_variants,
    finished_tasks,
    missing_tasks,
    outcome_path,
    size_directory,
    task_at,
    task_name,
)
from memscope.store.memorability import begun
from memscope.store.results import read_results, results_path
from memscope.store.stored_reports import is_current
from memscope.work.repair import repair as repair_run
from memscope.work.timing import timing_rows


def status(path: str | os.PathLike[str], *, repair: bool = False, timing: bool = False) -> StatusReport:
    """The state of a run, from names and results, and of each size from one outcome, unless its models diverged.

    With `repair`, every file is read first, and damaged files are moved aside. With `timing`, the report also says
    how long the run's commands took.
    """
    repaired = repair_run(path) if repair else None
    run = open_run(path)
    plan = run.plan
    missing = missing_tasks(run.path, plan)
    sizes = []
    for size in plan.sizes:
        failures = size_directory(run.path, "failures", plan, ONEHOT, size)
        tracebacks = [(task, failures / f"{task_name(task)}.txt") for task in missing if task.size == size]
        sizes.append(
            SizeStatus(
                size=size,
                models=sum(task.count for task in finished_tasks(run.path, plan, size)),
                missing=sum(task.count for task, _ in tracebacks),
                failed_tasks=tuple(str(file) for _, file in tracebacks if file.is_file()),
                bytes=bytes_under(size_directory(run.path, "outcomes", plan, ONEHOT, size)),
                weight_bytes=bytes_under(size_directory(run.path, "weights", plan, ONEHOT, size)),
            )
        )
    return StatusReport(
        run=str(path),
        digest=plan.digest,
        data=plan.data.spec,
        family=plan.learner,
        axis=plan.axis,
        trainer=plan.recipe.trainer,
        precision=plan.precision,
        backend=None if plan.backend == TORCH else plan.backend,
        models_planned=plan.models,
        sizes=tuple(sizes),
        score_precision=error_rows(run),
        variants=variant_rows(run),
        dynamics=dynamics_rows(run),
        other_failures=other_failures(run, {file for row in sizes for file in row.failed_tasks}),
        results={group: result_state(run, group) for group in RESULTS},
        repair=repaired,
        examples_there=examples_path(run.path).is_file(),
        not_yet={group: why for group in RESULTS if (why := lacking(run, group))},
        derived=derived_data_in(run.path, plan),
        timing=tuple(report_of(CommandTime, row) for row in timing_rows(run.path)) if timing else None,
    )


def error_rows(run: Run) -> tuple[SizeStandardError, ...] | None:
    """The standard errors of the last scores by size, with the models and time that smaller errors would take.

    None without scores. The error falls with the square root of the number of models; the time is that of one worker.
    """
    try:
        _, _, summary = read_results(run.path, "score", run.plan)
    except RunError:
        return None
    rows = []
    for row in report_of(ScoreReport, summary).sizes:
        error = row.rms_standard_error
        if math.isnan(error):
            continue
        needed = {target: models_for(row.models, error, target, run.plan) for target in TARGETS}
        rows.append(
            SizeStandardError(
                size=row.size,
                models=row.models,
                rms_standard_error=error,
                rms_sd=row.population.rms_sd,
                agreement=row.agreement,
                forecast=tuple(
                    StandardErrorForecast(
                        error=target, models=models, seconds=max(models - row.models, 0) * row.seconds
                    )
                    for target, models in needed.items()
                ),
            )
        )
    return tuple(rows) or None


def variant_rows(run: Run) -> tuple[VariantStatus, ...]:
    """The models beside those on subsets: second ones, those on all the data, the students of each setting."""
    plan, rows = run.plan, replicate_rows(run)
    for variant in (FULL, *distilled_variants(run.path)):
        for size in plan.sizes:
            models = sum(task.count for task in finished_tasks(run.path, plan, size, variant))
            planned = plan.full_models if variant == FULL else plan.models
            # students exist only at the sizes that were asked for
            if models or (variant == FULL and planned):
                rows.append(VariantStatus(variant=variant, size=size, models=models, missing=planned - models))
    return tuple(rows)


def replicate_rows(run: Run) -> list[VariantStatus]:
    """The second models of subsets, if any were asked for: not in the plan, so known from what is there or failed."""
    plan, (_, second) = run.plan, REPLICATES
    done = {size: finished_tasks(run.path, plan, size, replicate=second) for size in plan.sizes}
    begun = [task for tasks in done.values() for task in tasks]
    for size in plan.sizes:
        failures = size_directory(run.path, "failures", plan, ONEHOT, size)
        named = (task_at(plan, file.relative_to(run.path / "failures")) for file in failures.glob(f"*-r{second}.txt"))
        begun += [task for task in named if task is not None]
    planned = len({task.first // plan.block for task in begun}) * plan.block
    return [
        VariantStatus(variant=f"{ONEHOT}/replicate-{second}", size=size, models=models, missing=planned - models)
        for size in plan.sizes
        if planned
        for models in [sum(task.count for task in done[size])]
    ]


def dynamics_rows(run: Run) -> tuple[DynamicsStatus, ...] | None:
    """The models whose training is recorded, or is to be; None if there are none."""
    path, plan, rows = run.path, run.plan, []
    for variant in (ONEHOT, FULL):
        for size in plan.sizes:
            wanted = [task for task in recorded_tasks(plan) if (task.variant, task.size) == (variant, size)]
            tasks = {*wanted, *finished_dynamics(path, plan, size, variant)}
            whole = sum(task.count for task in tasks if not lacking_dynamics(path, plan, task))
            lacking = sum(task.count for task in wanted if lacking_dynamics(path, plan, task))
            size_of_files = bytes_under(size_directory(path, "dynamics", plan, variant, size))
            if tasks:
                rows.append(
                    DynamicsStatus(variant=variant, size=size, models=whole, missing=lacking, bytes=size_of_files)
                )
    return tuple(rows) or None


def other_failures(run: Run, told: set[str]) -> tuple[str, ...]:
    """Tracebacks of other tasks than the models on subsets: second models of a subset, students, models on all the
    data, memories, proxies, and models that were trained again to be recorded. A traceback left by a task that has
    succeeded since is not among them."""
    failed = []
    for path in sorted((run.path / "failures").rglob("*.txt")):
        task = task_at(run.plan, path.relative_to(run.path / "failures"))
        done = task is not None and outcome_path(run.path, run.plan, task).is_file()
        if task is not None and is_recorded(run.plan, task):
            done = done and not lacking_dynamics(run.path, run.plan, task)
        if str(path) not in told and not done:
            failed.append(str(path))
    return tuple(failed)


TWO_BLOCKS = ("convergence", "privacy")
"""Groups of results that need two blocks of models that every size has whole"""


def result_state(run: Run, group: str) -> str:
    """`missing`, `current`, `out of date` (the ledger has moved on since) or what is wrong with the file."""
    if not results_path(run.path, group).is_file():
        return "missing"
    try:
        _, ledger, _ = read_results(run.path, group, run.plan)
    except RunError as error:
        return str(error)
    return "current" if is_current(run.path, run.plan, group, ledger) else "out of date"


def lacking(run: Run, group: str) -> str:
    """Why a command that makes results would fail now; empty where it would not."""
    plan, axis = run.plan, run.plan.axis
    done = {size: tasks for size in plan.sizes if (tasks := finished_tasks(run.path, plan, size))}
    needs_weights = group in ("resmem", "distill")
    if not done:
        return "no models yet"
    if group in ("removal", "peel"):
        return "how many examples models are trained without must be said: --remove N, --peel N"
    if group in ("trajectories", "distill") and len(done) < 2:
        return f"models of one {axis} only"
    if (needs_weights or group == "proxies") and plan.recipe.trainer != OWN_LOOP:
        return "memscope has no weights of models that others train"
    if group == "proxies":
        variants = recorded_variants(run, list(done))
        if not variants:
            return f"no models of every {axis} were recorded; train-family --dynamics {plan.block} does"
        if variants == [ONEHOT] and not set(whole_blocks(run, list(done))) - recorded_blocks(run, list(done)):
            return "all models were recorded, and the score needs others"
    if group == "memorability":
        if not whole_blocks(run, list(done)):
            return f"no block of {plan.block} models that every {axis} has whole"
        if not remembered(run):
            return "where it comes from must be said: --predictor or --scores"
    if group == "predictor":
        last = max(done)
        if len(whole_blocks(run, [last])) < 2:
            return f"it needs two blocks of {plan.block} models of {axis} {last}"
        with suppress(RunError):
            if len(run.examples.labels) < FEWEST:
                return f"it needs at least {FEWEST} training examples"
    if group.startswith("influence"):
        try:
            fewest = roles.FEWEST_AMONG_TRAINING if "training" in group else roles.FEWEST_BLOCKS
            roles.roles_of(whole_blocks(run, list(done)), fewest)
        except OptionError:
            number = "ten" if "training" in group else "four"
            return f"it needs {number} whole blocks of {plan.block} models of every {axis}"
    if group in TWO_BLOCKS and len(whole_blocks(run, list(done))) < references.FEWEST_BLOCKS:
        return f"it needs two whole blocks of {plan.block} models of every {axis}"
    if group == "privacy":
        with suppress(RunError):  # memscope's own training keeps log-odds
            if plan.recipe.trainer != OWN_LOOP and any(without_log_odds(run, tasks[:1]) for tasks in done.values()):
                return "its models have no log-odds"
    if group == "distill" and plan.sizes[-1] not in done:
        return f"no models of {axis} {plan.sizes[-1]} to teach"
    if group == "resmem":
        there = {size: why for size, tasks in done.items() if (why := block_lacking(run, tasks, RESERVED))}
        if there:
            size, why = next(iter(there.items()))
            return f"it needs two blocks of {plan.block} models, and there is {why} at {axis} {size}"
    with suppress(RunError):  # a damaged file is told of by whoever reads it
        # options of memories are chosen on the reserved block alone
        chosen = {
            size: [task for task in tasks if group != "resmem" or block_of(run, task) == RESERVED]
            for size, tasks in done.items()
        }
        lost = [size for size, tasks in chosen.items() if all_diverged(run, tasks)]
        if lost:
            return f"all models of {axis} {', '.join(map(str, lost))} diverged"
    wanted = [task for size, tasks in done.items() for task in tasks if group == "resmem" or size == plan.sizes[-1]]
    if group == "resmem":
        wanted += [task for size in done for task in finished_tasks(run.path, plan, size, FULL)]
    gone = without_weights(run, wanted) if needs_weights else []
    # all weights for the memories, some for teachers
    if gone and (group == "resmem" or len(gone) == len(wanted)):
        return "weights were not kept; train-family --missing-weights trains them again"
    return ""


def remembered(run: Run) -> bool:
    """Whether the run knows where memorability is to come from: of the last time, or of the one predictor it has."""
    if results_path(run.path, "memorability").is_file():
        return True
    with suppress(RunError):
        count = len(run.examples.labels)
        return sum(done == count for done in begun(run.path, count).values()) == 1
    return False


def bytes_under(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.glob("*") if file.is_file()) if directory.is_dir() else 0
