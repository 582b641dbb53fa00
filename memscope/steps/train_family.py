"""`memscope train-family`: make or check the plan, and train what is missing from the ledger."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from memscope.counting.standard_errors import SizeErrors, Until, errors_so_far, next_models, reached, told
from memscope.datasets import load_dataset
from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import OptionError, RunError
from memscope.files.atomic import remove_abandoned
from memscope.plan.plan import Plan
from memscope.plan.recipe import OWN_LOOP, RECORDED
from memscope.reports.train_family import ForecastReport, TrainFamilyReport
from memscope.run import Run, create_or_open, grow, open_run, plan_path
from memscope.steps.forecast import forecast
from memscope.store.examples import open_dataset
from memscope.store.ledger import FULL, Task, all_tasks, finished_tasks, outcome_path
from memscope.store.weights import weights_path
from memscope.training.device import resolve_device
from memscope.work.carrying_out import OnEnd, Say, Where, check_where, of_shard, silent, unseen, workers_of
from memscope.work.data_set import ensure_examples, load_as_planned
from memscope.work.grouping import bundles_of, group_sizes
from memscope.work.lost import diverged_models, failed_tasks
from memscope.work.options import (
    Choices,
    absolute,
    check_against,
    check_choices,
    new_plan,
    sizes_of,
    with_defaults,
    with_saved_axis,
)
from memscope.work.training import Trained, train_tasks


def train_family(
    path: str | os.PathLike[str],
    choices: Choices,
    where: Where | None = None,
    *,
    missing_weights: bool = False,
    replicates: int = 1,
    replicate_models: int | None = None,
    until: Until | None = None,
    say: Say = silent,
    on_end: OnEnd = unseen,
) -> TrainFamilyReport:
    """Create the run or go on with it. MemscopeError where the plan, the data or the disk does not allow it.

    With `missing_weights`, models whose weights were not kept are trained again, to the same outcomes. With two
    `replicates` the subsets of the first `replicate_models` models, in whole blocks, one if not given, are trained a
    second time, with other initial weights and order.
    `until` adds blocks of models, equally at all sizes, until their scores are as precise as asked.
    """
    where = where or Where()
    check_where(where)
    check_whole(where, until)
    check_second(replicates, replicate_models, missing_weights)
    if missing_weights and not where.keep_weights:
        raise OptionError("--missing-weights is for keeping weights and --no-weights for not; leave one out")
    device = resolve_device(where.device)
    run = prepare(Path(path), choices, device, say)
    if run.plan.recipe.trainer == RECORDED:
        return report_of_training(Trained(run))
    if missing_weights and run.plan.recipe.trainer != OWN_LOOP:
        raise OptionError(f"{run.path} was made with --trainer {run.plan.recipe.trainer}, which gives us no weights")
    second = second_tasks(run.plan, replicates, replicate_models)
    trained = train_missing(run, where, device, missing_weights, second, say, on_end)
    while until is not None and until.asked and not trained.failures:
        found = errors_so_far(trained.run, population=until.error_population is not None)
        say(told(found, until, trained.run.plan))
        if reached(found, until):
            break
        grown = grow(trained.run, (), next_models(found, until, trained.run.plan))
        more = train_missing(grown, where, device, False, [], say, on_end)
        trained = Trained(
            grown,
            trained.trained + more.trained,
            trained.already,
            more.failures,
            trained.diverged + more.diverged,
        )
    return report_of_training(trained)


def report_of_training(trained: Trained) -> TrainFamilyReport:
    plan = trained.run.plan
    return TrainFamilyReport(
        run=str(trained.run.path),
        digest=plan.digest,
        sizes=plan.sizes,
        models=plan.models,
        full_models=plan.full_models,
        trained=trained.trained,
        already=trained.already,
        diverged=diverged_models(trained),
        failed=failed_tasks(trained),
        axis=plan.axis,
        trainer=plan.recipe.trainer,
    )


def check_whole(where: Where, until: Until | None) -> None:
    if where.shard[1] > 1 and until is not None and until.asked:
        raise OptionError("--until-... looks at the models of all shards; train without it, then see memscope status")


def plan_ahead(
    path: str | os.PathLike[str],
    choices: Choices,
    where: Where | None = None,
    *,
    until: Until | None = None,
    replicates: int = 1,
    replicate_models: int | None = None,
    say: Say = silent,
) -> ForecastReport:
    """What `train_family` would do, by a short probe and by the models that are there; nothing is written."""
    where = where or Where()
    check_where(where)
    check_whole(where, until)
    check_second(replicates, replicate_models, False)
    device = resolve_device(where.device)
    workers = workers_of(where, device)
    directory, pilot = Path(path), []
    if plan_path(directory).is_file():
        run = open_run(directory)
        plan, dataset = grown_plan(run, choices), None
        pilot = pilot_of(run, plan)
        with suppress(RunError):
            dataset = open_dataset(directory, run.examples, plan.data.spec)
        dataset = dataset or load_as_planned(plan, None)
    else:
        dataset, plan = plan_anew(directory, choices, device, say)
    second = second_tasks(plan, replicates, replicate_models)
    share = of_shard(where, [*all_tasks(plan), *all_tasks(plan, FULL), *second])
    tasks = [task for task in share if not outcome_path(directory, plan, task).is_file()]
    say("measuring a few training steps at each size")
    return forecast(plan, dataset, tasks, device, workers, where.keep_weights, pilot, until)


def pilot_of(run: Run, plan: Plan) -> list[SizeErrors]:
    """The errors of what is there, at every planned size; nothing where one of them has no models yet."""
    if any(not finished_tasks(run.path, plan, size) for size in plan.sizes):
        return []
    with suppress(RunError):  # a size whose models have all diverged tells nothing
        return errors_so_far(run, population=False)
    return []


def prepare(directory: Path, choices: Choices, device: str, say: Say) -> Run:
    """The run with its plan, examples and images in place."""
    dataset = None
    if plan_path(directory).is_file():
        run = open_run(directory)
        grown = grown_plan(run, choices)
        if choices.data is not None and absolute(choices.data) != run.plan.data.spec:
            say(f"reading {choices.data}")
            dataset = load_as_planned(run.plan, choices.data)
    else:
        dataset, grown = plan_anew(directory, choices, device, say)
        run = create_or_open(directory, grown)
        if run.plan.digest != grown.digest:
            raise RunError(
                f"{directory}: another call has just made this run with another plan (digest {run.plan.digest[:12]}, "
                f"ours {grown.digest[:12]}); choose another directory"
            )
    remove_abandoned(directory)
    ensure_examples(run, dataset, say)
    if choices.models is not None and choices.models != grown.models:
        why = "as planned before" if run.plan.whole_blocks(choices.models) < grown.models else "whole blocks"
        say(f"--models {choices.models}: the run has {grown.models} models of each {grown.axis}, {why}")
    return grow(run, grown.sizes, grown.models, grown.full_models)


def grown_plan(run: Run, choices: Choices) -> Plan:
    """The saved plan with the sizes and models that were asked for; OptionError where others disagree."""
    filled = with_saved_axis(run.plan, choices)
    check_against(run.plan, filled, str(run.path))
    check_choices(replace(filled, trainer=run.plan.recipe.trainer))
    _, sizes = sizes_of(filled)
    return run.plan.grown(sizes or (), choices.models or 0, choices.full or 0)


def plan_anew(directory: Path, choices: Choices, device: str, say: Say) -> tuple[ImageDataset, Plan]:
    """The data and the plan of a run that does not exist yet."""
    if directory.is_file() or (directory.is_dir() and any(not p.name.startswith(".") for p in directory.iterdir())):
        raise RunError(f"{directory} exists and is not a run (no plan.toml in it); give a new or an empty directory")
    chosen = with_defaults(choices)
    check_choices(chosen)
    assert chosen.data is not None
    say(f"reading {chosen.data}")
    dataset = load_dataset(
        chosen.data,
        examples=chosen.examples,
        label_noise=chosen.label_noise or 0.0,
        data_seed=chosen.data_seed or 0,
        image_size=chosen.image_size,
    )
    return dataset, new_plan(chosen, dataset, device)


def train_missing(
    run: Run, where: Where, device: str, missing_weights: bool, second: list[Task], say: Say, on_end: OnEnd
) -> Trained:
    """Train what the ledger lacks: the models on subsets, those on all the data, and second ones of a subset."""
    plan = run.plan
    # by their place among all tasks of the plan, not among the missing ones: shares must not move as others are done
    share = of_shard(where, [*all_tasks(plan), *all_tasks(plan, FULL), *second])
    path_of = weights_path if missing_weights else outcome_path
    tasks = [task for task in share if not path_of(run.path, plan, task).is_file()]
    total = sum(task.count for task in tasks)
    if tasks:
        how = " again where only the weights are missing" if missing_weights else ""
        say(f"training {total} models{how} with {workers_of(where, device)} workers")
    groups = group_sizes(run, tasks, device, workers_of(where, device), say)
    bundles = bundles_of(tasks, groups)
    trained = train_tasks(run, bundles, where, device, on_end, groups=groups, for_weights=missing_weights)
    trained.already = sum(task.count for task in share) - total
    return trained


def check_second(replicates: int, models: int | None, missing_weights: bool) -> None:
    if models is not None and replicates < 2:
        raise OptionError("--replicate-models says how many models are trained twice; add --replicates 2 to train them")
    if models is not None and models < 1:
        raise OptionError(f"--replicate-models is {models}; it must be at least 1")
    if missing_weights and replicates > 1:
        raise OptionError("--missing-weights trains no second models; give --replicates in another call")


def second_tasks(plan: Plan, replicates: int, models: int | None = None) -> list[Task]:
    """The tasks that train the subsets of the first so many models of each size, in whole blocks, again."""
    if models is not None and models > plan.models:
        raise OptionError(
            f"--replicate-models is {models}, and there are {plan.models} models of each {plan.axis} to train twice; "
            f"take fewer, or add --models {models}"
        )
    last = plan.whole_blocks(models or 1)
    return [
        replace(task, replicate=replicate)
        for replicate in range(1, replicates)
        for task in all_tasks(plan)
        if task.first < last
    ]
