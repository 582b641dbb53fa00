"""`memscope train-family` in print."""

import math
from collections.abc import Sequence

from memscope.findings.derived import derived
from memscope.findings.numbers import decimals, duration, size_of
from memscope.findings.train_family import recording, screen, until_forecast
from memscope.plan.recipe import RECORDED
from memscope.reports.train_family import ForecastReport, TrainFamilyReport
from memscope.reports.training import DivergedModel, FailedTask
from memscope.tables.printing import say, show_screen, table, warning
from memscope.tables.verbosity import quiet
from memscope.text import counted


def show(report: TrainFamilyReport, shard: tuple[int, int]) -> None:
    """All that the command prints of a training."""
    if report.data_changed and quiet():  # else it was said before the training
        warning(report.data_changed)
    if report.trainer == RECORDED:
        say(f"{report.run} is ready to record models: memscope.open_run({report.run!r}).record(size, model, ...)")
        return
    full = f" and {report.full_models} on all the data" if report.full_models else ""
    again = f" ({report.again} trained again for it)" if report.again else ""
    recorded = f", {report.recorded} recorded{again}" if report.recorded else ""
    say(
        f"{counted(report.trained, 'model')} trained, {report.already} were there{recorded}; "
        f"{counted(len(report.sizes), 'size')} x {counted(report.models, 'model')}{full} planned."
    )
    show_lost(report.diverged, report.failed, report.axis, report.run)
    if shard[1] > 1:
        say(f"Those are the numbers of share {shard[0]} of {shard[1]}; memscope status {report.run} tells of all.")
    elif not report.failed:
        say(f"Next: memscope score {report.run}")


def show_lost(diverged: Sequence[DivergedModel], failed: Sequence[FailedTask], axis: str, run: str) -> None:
    """The models that diverged and the tasks that failed."""
    for each in diverged:
        warning(
            f"Diverged: {axis} {each.size}, model {each.model}{named(each)} (its loss became NaN or infinite); it is "
            f"left out of the {'split of the noise' if each.replicate else 'scores'}."
        )
    reasons: dict[str, list[str]] = {}
    for task in failed:
        name = f"{axis} {task.size}, models {task.first} to {task.first + task.count - 1}{named(task)}"
        reasons.setdefault(task.reason, []).append(name)
    for reason, names in reasons.items():
        others = f" and {len(names) - 1} more tasks" if len(names) > 1 else ""
        warning(f"Failed twice: {names[0]}{others}: {reason}")
    if reasons:
        warning(f"The tracebacks are in {run}/failures; run the command again to retry.")


def named(lost: DivergedModel | FailedTask) -> str:
    """How the variant and the replicate are told beside a model; nothing for the usual ones."""
    told = [*([] if lost.variant == "onehot" else [lost.variant]), *(["trained again"] if lost.replicate else [])]
    return f" ({', '.join(told)})" if told else ""


def show_forecast(report: ForecastReport, details: bool = False) -> None:
    """What `--dry-run` prints, on one screen or with `details`: models, time, disk, how precise scores will be."""
    if not details:
        show_screen(screen(report))
        return
    pilot = [(each.size, each.pilot) for each in report.sizes if each.pilot]
    if report.derived:
        say(derived(report.derived))
    table(
        f"To be trained ({report.family}, {report.precision}, {report.steps} steps of {report.batch_size})",
        [report.axis, "models", "parameters", "s / model"],
        [
            [
                str(each.size),
                str(each.models),
                "-" if each.parameters is None else f"{each.parameters:,}",
                decimals(each.seconds_per_model, 2),
            ]
            for each in report.sizes
        ],
    )
    if math.isnan(report.seconds):
        say("Time: not estimated, the training is your own.")
    else:
        workers = counted(report.workers, "worker")
        say(f"Time: about {duration(report.seconds)} with {workers}, beside some seconds to start.")
    dynamics = f", {size_of(report.dynamics_bytes)} of dynamics" if report.dynamics_bytes else ""
    say(
        f"Disk: {size_of(report.outcome_bytes)} of outcomes, {size_of(report.weight_bytes)} of "
        f"weights{dynamics}, before compression."
    )
    if report.dynamics_bytes:
        say(recording(report))
    if pilot:
        table(
            f"Standard error of the raw score by the models that are there: now, and with {report.models} of each size",
            [report.axis, "models", "error now", f"with {report.models}", "halves agree", f"with {report.models}"],
            [
                [
                    str(size),
                    str(one.models),
                    decimals(one.rms_standard_error),
                    decimals(one.expected_rms_standard_error),
                    decimals(one.agreement),
                    decimals(one.expected_agreement),
                ]
                for size, one in pilot
            ],
        )
    else:
        say(
            f"Expected standard error of a score at p = 0.5: {report.expected_standard_error:.3f} with {report.models} "
            f"models of each size at fraction {report.fraction:g}. At other p it is smaller. A first block of models "
            f"({report.block} of each size) tells more: train it, then ask again."
        )
    if report.until_asked:
        say(until_forecast(report))
    say("Nothing was written.")
