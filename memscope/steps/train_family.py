"""`memscope train-family`: make or check the plan, and train what is missing from the ledger."""

import math
import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from memscope.analysis.statistics.more_models import expected_error
from memscope.counting.standard_errors import SizeErrors, Until, errors_so_far, models_until, next_models, reached, told
from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import OptionError, RunError
from memscope.files.places import at_home
from memscope.plan.plan import Plan
from memscope.plan.recipe import OWN_LOOP, RECORDED
from memscope.plan.subsets import fraction_of
from memscope.reports.train_family import ForecastReport, Pilot, SizeForecast, TrainFamilyReport
from memscope.run import Run, grow, open_run, plan_path
from memscope.store.changes import derived_data, derived_data_in
from memscope.store.dynamics import checkpoint_epochs, is_recorded, lacking_dynamics
from memscope.store.examples import open_dataset
from memscope.store.ledger import FULL, Task, all_tasks, finished_tasks, outcome_path
from memscope.store.weights import weights_path
from memscope.text import counted
from memscope.training.device import resolve_device
from memscope.training.probe import UNKNOWN, probe
from memscope.work.carrying_out import OnEnd, Say, WorkOptions, check_work_options, of_shard, silent, unseen, workers_of
from memscope.work.data_set import load_as_planned
from memscope.work.deriving import check_derived, file_to_put_back
from memscope.work.grouping import bundles_of, group_sizes
from memscope.work.lost import diverged_models, failed_tasks
from memscope.work.making_runs import check_networks, grown_plan, plan_anew, prepare, say_models
from memscope.work.options import Choices, new_place
from memscope.work.training import Trained, train_tasks


def train_family(
    path: str | os.PathLike[str],
    choices: Choices,
    options: WorkOptions | None = None,
    *,
    missing_weights: bool = False,
    replicates: int = 1,
    replicate_models: int | None = None,
    until: Until | None = None,
    say: Say = silent,
    on_end: OnEnd = unseen,
) -> TrainFamilyReport:
    """Create the run or go on with it. MemscopeError if the plan, the data or the disk does not allow it.

    With `missing_weights`, models whose weights were not kept are trained again, to the same outcomes. With two
    `replicates`, the subsets of the first `replicate_models` models are trained a second time, with other initial
    weights and another order: whole blocks, one block if the number is not given.
    `until` adds blocks of models, equally at all sizes, until the errors of their scores are as small as asked.
    """
    options = options or WorkOptions()
    check_work_options(options)
    check_whole(options, until)
    check_second(replicates, replicate_models, missing_weights)
    if missing_weights and not options.keep_weights:
        raise OptionError("--missing-weights is for keeping weights and --no-weights for not; leave one out")
    device = resolve_device(options.device)
    prepared = prepare(at_home(path), choices, device, say)
    run, changed = prepared.run, prepared.data_changed
    if run.plan.recipe.trainer == RECORDED:
        return report_of_training(Trained(run), changed)
    if missing_weights and run.plan.recipe.trainer != OWN_LOOP:
        raise OptionError(f"{run.path} was made with --trainer {run.plan.recipe.trainer}, which gives us no weights")
    second = second_tasks(run.plan, replicates, replicate_models)
    trained = train_missing(run, options, device, missing_weights, second, say, on_end)
    while until is not None and until.asked and not trained.failures:
        found = errors_so_far(trained.run, population=until.error_population is not None)
        say(told(found, until, trained.run.plan))
        if reached(found, until):
            break
        grown = grow(trained.run, (), next_models(found, until, trained.run.plan))
        more = train_missing(grown, options, device, False, [], say, on_end)
        trained = Trained(
            grown,
            trained.trained + more.trained,
            trained.already,
            more.failures,
            trained.diverged + more.diverged,
            trained.recorded + more.recorded,
            trained.again + more.again,
        )
    return report_of_training(trained, changed)


def report_of_training(trained: Trained, data_changed: str) -> TrainFamilyReport:
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
        failed=failed_tasks(trained.failures),
        axis=plan.axis,
        trainer=plan.recipe.trainer,
        data_changed=data_changed,
        dynamics=plan.dynamics,
        recorded=trained.recorded,
        again=trained.again,
    )


def check_whole(options: WorkOptions, until: Until | None) -> None:
    if options.shard[1] > 1 and until is not None and until.asked:
        raise OptionError("--until-... looks at the models of all shards; train without it, then see memscope status")


def plan_ahead(
    path: str | os.PathLike[str],
    choices: Choices,
    options: WorkOptions | None = None,
    *,
    until: Until | None = None,
    replicates: int = 1,
    replicate_models: int | None = None,
    say: Say = silent,
) -> ForecastReport:
    """What `train_family` would do, judged by a short probe and by the models that exist; nothing is written."""
    options = options or WorkOptions()
    check_work_options(options)
    check_whole(options, until)
    check_second(replicates, replicate_models, False)
    device = resolve_device(options.device)
    workers = workers_of(options, device)
    directory, pilot = at_home(path), []
    check_derived(choices)
    if plan_path(directory).is_file():
        run = open_run(directory)
        plan, dataset = grown_plan(run, choices), None
        file_to_put_back(run, choices)
        derived = derived_data_in(directory, plan)
        pilot = pilot_of(run, plan)
        moved = new_place(run.plan, choices)
        if moved is None:
            with suppress(RunError):
                dataset = open_dataset(directory, run.examples, plan.data.spec)
        dataset = dataset or load_as_planned(run, moved, say)
        check_networks(replace(run, plan=plan), plan.sizes)
    else:
        dataset, plan, file = plan_anew(directory, choices, device, say)
        derived = derived_data(plan, None if file is None else file.changes)
    say_models(choices, plan, say)
    second = second_tasks(plan, replicates, replicate_models)
    share = of_shard(options, [*all_tasks(plan), *all_tasks(plan, FULL), *second])
    tasks = [task for task in share if not outcome_path(directory, plan, task).is_file()]
    record = to_record(directory, plan, share)
    again = [task for task in share if task in record and outcome_path(directory, plan, task).is_file()]
    say("measuring a few training steps at each size")
    ahead = forecast(plan, dataset, tasks, device, workers, options.keep_weights, pilot, until, record, again)
    return replace(ahead, derived=derived)


def to_record(directory: Path, plan: Plan, tasks: Sequence[Task]) -> frozenset[Task]:
    """Those of the tasks that the plan says are recorded, and whose dynamics are not there, or not all of them."""
    return frozenset(task for task in tasks if is_recorded(plan, task) and lacking_dynamics(directory, plan, task))


def forecast(
    plan: Plan,
    dataset: ImageDataset,
    tasks: list[Task],
    device: str,
    workers: int,
    keep_weights: bool,
    pilot: Sequence[SizeErrors] = (),
    until: Until | None = None,
    record: Collection[Task] = (),
    again: Sequence[Task] = (),
) -> ForecastReport:
    """The forecast for the missing tasks and, if there is a `pilot`, for as many models as `until` takes.

    The models of `record` are recorded; those of `again` are not missing, and trained again for that.
    """
    new, tasks = tasks, [*tasks, *again]
    missing = {size: sum(task.count for task in tasks if task.size == size) for size in plan.sizes}
    recorded = {size: sum(task.count for task in record if task.size == size) for size in plan.sizes}
    # models on all the data train for as many epochs, and so for 1 / fraction times as many steps
    work = {
        size: sum(task.count / (plan.fraction if task.variant == FULL else 1) for task in tasks if task.size == size)
        for size in plan.sizes
    }
    own = plan.recipe.trainer == OWN_LOOP
    costs = {size: probe(plan, dataset, size, device) if own else UNKNOWN for size in plan.sizes}
    said = {one.size: pilot_row(one, plan.models) for one in pilot}
    sizes = tuple(
        SizeForecast(
            size=size,
            models=missing[size],
            parameters=cost.parameters,
            seconds_per_model=cost.seconds,
            pilot=said.get(size),
        )
        for size, cost in costs.items()
    )
    num_examples = len(dataset.train_labels) + len(dataset.test_labels)
    class_bytes = 1 if dataset.num_classes <= 256 else 2
    per_model = len(dataset.train_labels) // 8 + num_examples * (class_bytes + 2)
    n_in = int(plan.models * fraction_of(plan.fraction))
    looks = plan.recipe.epochs * len(dataset.train_labels)
    recording = sum(recorded[size] * looks * cost.asked for size, cost in costs.items() if recorded[size]) / workers
    checkpoints = len(checkpoint_epochs(plan.recipe.epochs))
    enough = None if until is None or not pilot else models_until(list(pilot), until, plan)
    return ForecastReport(
        sizes=sizes,
        workers=workers,
        steps=plan.recipe.steps(plan.nominal_size(len(dataset.train_labels))),
        seconds=sum(work[each.size] * each.seconds_per_model for each in sizes) / workers + recording,
        outcome_bytes=sum(task.count for task in new) * per_model,
        weight_bytes=sum(4 * task.count * (costs[task.size].parameters or 0) for task in new) if keep_weights else 0,
        expected_standard_error=expected_error(n_in, plan.models - n_in),
        models_until=enough,
        seconds_until=math.nan
        if enough is None
        else sum(max(enough - one.models, 0) * one.seconds for one in pilot) / workers,
        axis=plan.axis,
        family=plan.family,
        precision=plan.precision,
        batch_size=plan.recipe.batch_size,
        models=plan.models,
        block=plan.block,
        fraction=plan.fraction,
        until_asked=until is not None and until.asked,
        at_most=until is not None and until.error_population is not None,
        dynamics=plan.dynamics,
        again=sum(task.count for task in again),
        dynamics_bytes=sum(
            recorded[size]
            * (dynamics_bytes(looks, len(dataset.train_labels)) + checkpoints * 4 * (cost.parameters or 0))
            for size, cost in costs.items()
        ),
        dynamics_seconds=recording,
    )


def dynamics_bytes(looks: int, num_train: int) -> int:
    """Of one model: a float16 and a bit for every example and epoch, and the bits of its subset."""
    return looks * 2 + looks // 8 + num_train // 8


def pilot_row(one: SizeErrors, models: int) -> Pilot:
    """The errors at one size, now and with this many models."""
    return Pilot(
        models=one.models,
        rms_standard_error=one.error,
        expected_rms_standard_error=one.error_with(models),
        agreement=one.agreement,
        expected_agreement=one.agreement_with(models),
    )


def pilot_of(run: Run, plan: Plan) -> list[SizeErrors]:
    """The errors of the models that exist, at every planned size; empty if a size has no models yet."""
    if any(not finished_tasks(run.path, plan, size) for size in plan.sizes):
        return []
    with suppress(RunError):  # a size whose models have all diverged tells nothing
        return errors_so_far(run, population=False)
    return []


def train_missing(
    run: Run, options: WorkOptions, device: str, missing_weights: bool, second: list[Task], say: Say, on_end: OnEnd
) -> Trained:
    """Train what the ledger lacks: models on subsets, models on all the data, and second models of a subset.

    Models whose dynamics lack are trained again if need be; not with `missing_weights`, which is for the weights alone.
    """
    plan = run.plan
    # by place among all tasks of the plan, not among the missing ones: shares must not move as tasks get done
    share = of_shard(options, [*all_tasks(plan), *all_tasks(plan, FULL), *second])
    path_of = weights_path if missing_weights else outcome_path
    lacking = {task for task in share if not path_of(run.path, plan, task).is_file()}
    record = frozenset[Task]() if missing_weights else to_record(run.path, plan, share)
    tasks = [task for task in share if task in lacking or task in record]
    total, again = (sum(task.count for task in some) for some in (tasks, record - lacking))
    if tasks:
        check_networks(run, {task.size for task in tasks})
        how = " again where only the weights are missing" if missing_weights else ""
        if record:
            how += f", recording {sum(task.count for task in record):,} of them"
            how += f" ({again:,} are there and are trained again for it)," if again else ","
        say(f"training {counted(total, 'model')}{how} with {counted(workers_of(options, device), 'worker')}")
    groups = group_sizes(run, tasks, device, workers_of(options, device), say)
    bundles = bundles_of(plan, tasks, groups, record)
    trained = train_tasks(
        run, bundles, options, device, on_end, groups=groups, for_weights=missing_weights, record=record
    )
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
    """The tasks that train again the subsets of the first `models` models of each size, in whole blocks."""
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
