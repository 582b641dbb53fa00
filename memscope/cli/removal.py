"""The options of `memscope influence RUN --remove N` and `--peel N`, and what these do in the command's place."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from memscope.cli.types import WHOLE, Shard, load_for_workers, noted, work_options
from memscope.reports.keys import keys_of

OPTIONS: tuple[Callable[..., Any], ...] = (
    click.option(
        "--remove",
        type=WHOLE,
        metavar="N",
        help="Train models without the N most memorised examples, without the N least, those of pairs and random ones, "
        "in derived runs, and compare them.",
    ),
    click.option(
        "--peel", type=WHOLE, metavar="N", help="Score again without the N most memorised: do others take their place?"
    ),
    click.option("--sets", type=WHOLE, metavar="S", help="Random sets of --remove and --peel, 5 to 1,000.  [5]"),
    click.option(
        "--arm-models", type=WHOLE, metavar="K", help="Models of each size in each of their arms.  [one block]"
    ),
    click.option("--arm-seed", type=WHOLE, metavar="N", help="Seed of these models and sets.  [the seed of RUN + 1]"),
    work_options,
    click.option(
        "--shard",
        type=Shard(),
        default=(1, 1),
        help="Train the I-th of N shares of these models only (docs/scaling.md).",
    ),
    click.option(
        "--dry-run", is_flag=True, help="Print arms, models, time and disk of --remove or --peel; write nothing."
    ),
)
OWN = ("sets", "arm_models", "arm_seed", "shard", "dry_run", "device", "engine", "address", "workers")
"""Options that say something of --remove and --peel alone"""
KEPT = ("run", "remove", "peel", "size", "memorised", "details", "as_json", "verbose", "quiet")
"""What a command has in common with them"""


def removes(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command these options; with --remove or --peel, that is done in its place.

    The command has --size, --memorised, --details and --json itself.
    """

    @wraps(function)
    def with_removal(
        run: Path,
        remove: int | None,
        peel: int | None,
        size: int | None,
        memorised: float,
        details: bool,
        as_json: bool,
        **rest: Any,
    ) -> None:
        context = click.get_current_context()
        given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        written = {each.name: each.opts[0] for each in context.command.params}
        own = {name: rest.pop(name) for name in OWN}
        if remove is None and peel is None:
            for name in OWN:
                if name in given:
                    raise click.UsageError(
                        f"{written[name]} is about models without some examples; add --remove or --peel."
                    )
            function(run=run, size=size, memorised=memorised, details=details, as_json=as_json, **rest)
            return
        if remove is not None and peel is not None:
            raise click.UsageError(
                "--remove and --peel are two questions; ask one, and then the other: both use the same models."
            )
        for name in given:
            if name not in (*OWN, *KEPT):
                raise click.UsageError(f"{written[name]} has no part in --remove and --peel; leave it out.")
        if "memorised" in given and remove is not None:
            raise click.UsageError(
                "--memorised has no part in --remove, which takes the N highest scores; leave it out."
            )
        threshold = None if remove is not None else memorised
        if not own["dry_run"]:
            load_for_workers(own["engine"])
        noted("influence")(remove_and_show)(
            run=run, count=peel if remove is None else remove, threshold=threshold, size=size, details=details,
            as_json=as_json, **own,
        )  # fmt: skip

    for each in reversed(OPTIONS):
        each(with_removal)
    return with_removal


def remove_and_show(
    run: Path,
    count: int,
    threshold: float | None,
    size: int | None,
    sets: int | None,
    arm_models: int | None,
    arm_seed: int | None,
    dry_run: bool,
    details: bool,
    as_json: bool,
    **work: Any,
) -> None:
    """Do one of the two, --peel where there is a threshold."""
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.removal import peel, plan_arms, remove
    from memscope.tables.printing import print_json
    from memscope.tables.removal import show_forecast, show_peel, show_removal
    from memscope.work.carrying_out import WorkOptions
    from memscope.work.removal_sets import Removing

    asked, options = Removing(count, size, sets, arm_models, arm_seed), WorkOptions(**work)
    if dry_run:
        ahead = (
            plan_arms(run, asked, options)
            if threshold is None
            else plan_arms(run, asked, options, peeling=True, threshold=threshold)
        )
        if as_json:
            print_json(keys_of(ahead))
        else:
            show_forecast(ahead)
        return
    with TrainingProgress(quiet=as_json) as progress:
        doing: dict[str, Any] = {"say": progress.say, "on_end": progress.ended}
        found: Any = (
            remove(run, asked, options, **doing)
            if threshold is None
            else peel(run, asked, options, threshold=threshold, **doing)
        )
    if as_json:
        print_json(keys_of(found))
    elif threshold is None:
        show_removal(found, details)
    else:
        show_peel(found, details)
    if found.failed:
        sys.exit(1)
