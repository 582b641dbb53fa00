"""`memscope distill`: students of a larger teacher, held against the models trained on labels alone."""

import sys
from pathlib import Path
from typing import Any

import click

from memscope.cli.types import (
    Sizes,
    json_option,
    load_for_workers,
    noted,
    plot_option,
    run_argument,
    work_options,
)

EPILOG = """
\b
Examples:
  memscope distill runs/fashion --teacher 32              # students of every smaller width
  memscope distill runs/fashion --teacher 32 --students 2,4,8 --temperature 2
  memscope distill runs/fashion --teacher 32 --teacher-on full    # the ablation that leaks held-out labels
  memscope distill runs/fashion --plot                    # compare and draw what there is, train nothing
"""


@click.command("distill", epilog=EPILOG)
@run_argument
@click.option("--teacher", type=int, metavar="N", help="Size of the teachers; without it nothing is trained.")
@click.option("--students", type=Sizes(), help="Sizes of the students.  [all smaller than the teacher]")
@click.option("--temperature", type=float, default=4.0, show_default=True, help="Softens both softmaxes.")
@click.option(
    "--soft-weight", type=float, default=0.9, show_default=True, help="Weight of the teacher's part of the loss."
)
@click.option(
    "--teacher-on",
    type=click.Choice(["subset", "full"]),
    default="subset",
    show_default=True,
    help="What the teacher was trained on: the student's own subset, or (ablation) all the data.",
)
@click.option("--epsilon", type=float, default=0.2, show_default=True, help="A change of the score that counts.")
@plot_option
@work_options
@click.option("--no-weights", is_flag=True, help="Do not keep the students' weights.")
@json_option
@noted("distill")
def command(
    run: Path,
    teacher: int | None,
    students: tuple[int, ...] | None,
    temperature: float,
    soft_weight: float,
    teacher_on: str,
    epsilon: float,
    plot: str | None,
    device: str,
    engine: str,
    address: str | None,
    workers: int | None,
    no_weights: bool,
    as_json: bool,
) -> None:
    """Train students of a larger teacher in RUN, and compare what they memorise.

    A student has the size, the subset, the batches and the initial weights of a model that was trained on the labels
    alone; its teacher is the family's larger model that was trained on the same subset. All settings that the run
    has are compared in one table.
    """
    load_for_workers(engine)
    from memscope.cli.progress import TrainingProgress
    from memscope.cli.train_family import show_lost
    from memscope.plan.teaching import Teaching
    from memscope.steps.distill import distill
    from memscope.tables.printing import print_json, say
    from memscope.work.carrying_out import Where

    teaching = None if teacher is None else Teaching(teacher, temperature, soft_weight, teacher_on)
    where = Where(device=device, engine=engine, address=address, workers=workers, keep_weights=not no_weights)
    with TrainingProgress(quiet=as_json) as progress:
        summary, trained = distill(
            run, teaching, students, where, epsilon=epsilon, say=progress.say, on_end=progress.ended
        )
    pictures: list[Path] = []
    if plot is not None and summary:
        from memscope.steps.figures import draw_distill_figures

        pictures = draw_distill_figures(run, Path(plot) if plot else run / "figures")
        summary["figures"] = [str(picture) for picture in pictures]
    if as_json:
        print_json(summary | {"trained": trained.trained, "already": trained.already})
    else:
        say(f"{trained.trained} students trained, {trained.already} were there.")
        show_lost(trained)
        if summary:
            show(summary)
        for picture in pictures:
            say(f"Wrote {picture}.")
    if trained.failures:
        sys.exit(1)


def show(summary: dict[str, Any]) -> None:
    """All settings in one table, whose scores change, then the change by type of each."""
    show_students(summary)
    for setting in summary["settings"]:
        show_time(setting, summary["axis"], summary["augment"])
    show_changed(summary)
    for setting in summary["settings"]:
        show_types(setting, summary["axis"], summary["epsilon"])


def show_students(summary: dict[str, Any]) -> None:
    """Students beside one-hot models, all settings in one table."""
    from memscope.tables.printing import decimals, say, table, with_error

    axis = summary["axis"]
    table(
        f"Distilled beside one-hot models, paired per subset ({summary['family']} on {summary['data']})",
        [
            *("setting", axis, "pairs", "score one-hot", "distilled", "change", "acc. in", "acc. out"),
            *("test one-hot", "distilled", "change", "time"),
        ],
        [
            [
                setting["setting"],
                str(row["size"]),
                str(row["models"]),
                decimals(row["onehot"]["mean_score"]),
                decimals(row["distilled"]["mean_score"]),
                with_error(row["mean_change"], row["mean_change_error"]),
                signed(row["mean_change_in"]),
                signed(row["mean_change_out"]),
                decimals(row["onehot"]["test_accuracy"]),
                decimals(row["distilled"]["test_accuracy"]),
                with_error(row["test_change"], row["test_change_error"]),
                f"x{row['time_ratio']:.2f}",
            ]
            for setting in summary["settings"]
            for row in setting["students"]
        ],
    )
    say(
        "Scores, here and below, are raw ones. acc. in, acc. out: the change of each, of which the change of the score "
        "is the difference. ±: standard error by leaving out blocks of models; none below three blocks."
    )


def show_changed(summary: dict[str, Any]) -> None:
    """Whose memorisation is inhibited and whose is raised."""
    from memscope.tables.printing import percent, say, table, with_error

    axis = summary["axis"]
    epsilon = summary["epsilon"]
    noisy = summary["flipped"] is not None
    table(
        f"Examples whose score changes by more than {epsilon:g}",
        ["setting", axis, "inhibited", "if none were", "raised", "if none were"]
        + (["change, flipped labels", "change, others"] if noisy else []),
        [
            [
                setting["setting"],
                str(row["size"]),
                percent_with_error(row, "inhibited"),
                percent(row["inhibited_if_same"]),
                percent_with_error(row, "raised"),
                percent(row["raised_if_same"]),
            ]
            + (
                [
                    with_error(row["mean_change_flipped"], row["mean_change_flipped_error"]),
                    with_error(row["mean_change_clean"], row["mean_change_clean_error"]),
                ]
                if noisy
                else []
            )
            for setting in summary["settings"]
            for row in setting["students"]
        ],
    )
    say(
        "if none were: what noise alone would show at these numbers of models (an upper bound). ± of shares: by "
        "leaving out half of the blocks; none below four."
    )


def percent_with_error(row: dict[str, Any], name: str) -> str:
    from memscope.tables.printing import percent

    error = row[f"{name}_error"]
    return percent(row[name]) if error is None else f"{percent(row[name])} ±{percent(error)}"


def signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"


def show_time(setting: dict[str, Any], axis: str, augment: str) -> None:
    """What teaching costs over training on the labels alone, and why."""
    from memscope.tables.printing import percent, say

    rows = setting["students"]
    costs = ", ".join(f"x{row['time_ratio']:.2f} at {axis} {row['size']}" for row in rows)
    shares = ", ".join(percent(row["teacher_seconds"] / row["seconds"]) for row in rows)
    how = (
        "once per teacher, shared by its students of all sizes" if augment == "none" else "once per batch, as augmented"
    )
    say(
        f"time, {setting['setting']}: of the median student over the median one-hot model {costs}. The teacher's "
        f"forward passes, {how}, are {shares} of a student's time; what is beyond that is the loss of both, and how "
        "busy the machine was at either time."
    )


def show_types(setting: dict[str, Any], axis: str, epsilon: float) -> None:
    """The change by type of the one-hot trajectory, and the types of the students' own."""
    from memscope.tables.printing import decimals, say, table

    if setting["by_type"]:
        sizes = [change["size"] for change in setting["by_type"][0]["changes"]]
        known = any(change["change"] is not None for row in setting["by_type"] for change in row["changes"])
        if known:
            table(
                f"Change of the score by type of the one-hot trajectory, {setting['setting']} (epsilon {epsilon:g})",
                ["type", "examples", *(f"{axis} {size}" for size in sizes)],
                [
                    [row["type"], decimals(row["examples"], 0)]
                    + [
                        decimals(each["change"])
                        + ("" if each["low"] is None else f" [{decimals(each['low'])}, {decimals(each['high'])}]")
                        for each in row["changes"]
                    ]
                    for row in setting["by_type"]
                    if row["examples"]
                ],
            )
            intervals = any(change["low"] is not None for row in setting["by_type"] for change in row["changes"])
            say(
                "Types come from one half of the blocks of models, changes from the other, halves swapped. "
                + ("[ ]: 95 % interval over blocks." if intervals else "Intervals need two blocks in each half.")
            )
        else:
            say(
                f"{setting['setting']}: no change by type: types and changes need different blocks of models, "
                "and there is one block."
            )
    shares = setting["trajectories"]
    if shares:
        sizes_text = ", ".join(map(str, shares["sizes"]))
        table(
            f"Types of trajectory over {axis} {sizes_text}, raw rule",
            ["models", *shares["raw_onehot"]],
            [
                [kind, *(percent_of(shares, kind, name) for name in shares[f"raw_{kind}"])]
                for kind in ("onehot", "distilled")
            ],
        )


def percent_of(shares: dict[str, Any], kind: str, name: str) -> str:
    from memscope.tables.printing import percent

    error = shares[f"raw_{kind}_error"][name]
    return percent(shares[f"raw_{kind}"][name]) + ("" if error is None else f" ±{percent(error)}")
