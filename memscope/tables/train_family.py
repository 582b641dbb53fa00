"""`memscope train-family` in print."""

from collections.abc import Sequence

from memscope.reports.training import DivergedModel, FailedTask
from memscope.tables.printing import say


def show_lost(diverged: Sequence[DivergedModel], failed: Sequence[FailedTask], axis: str, run: str) -> None:
    """The models that diverged and the tasks that failed."""
    for each in diverged:
        say(
            f"Diverged: {axis} {each.size}, model {each.model}{named(each)} (its loss became NaN or infinite); it is "
            f"left out of the {'split of the noise' if each.replicate else 'scores'}."
        )
    reasons: dict[str, list[str]] = {}
    for task in failed:
        name = f"{axis} {task.size}, models {task.first} to {task.first + task.count - 1}{named(task)}"
        reasons.setdefault(task.reason, []).append(name)
    for reason, names in reasons.items():
        others = f" and {len(names) - 1} more tasks" if len(names) > 1 else ""
        say(f"Failed twice: {names[0]}{others}: {reason}")
    if reasons:
        say(f"The tracebacks are in {run}/failures; run the command again to retry.")


def named(lost: DivergedModel | FailedTask) -> str:
    """How the variant and the replicate are told beside a model; nothing for the usual ones."""
    told = [*([] if lost.variant == "onehot" else [lost.variant]), *(["trained again"] if lost.replicate else [])]
    return f" ({', '.join(told)})" if told else ""
