"""The options of `memscope memorability RUN --train`, and what that does in the command's place."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from memscope.cli.types import WHOLE, Place, RunPlace, load_for_workers, noted
from memscope.predictors.training import BACKBONES, EPOCHS, SEEDS, Training
from memscope.reports.keys import keys_of
from memscope.steps.drawing import Drawing


class Backbones(click.ParamType):
    """Names of networks, with commas between."""

    name = "NAME,NAME,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in str(value).split(","))
        if not all(names):
            self.fail(f"{value!r} is not names with commas between, as in {','.join(BACKBONES)}", param, ctx)
        return names


OPTIONS = (
    click.option("--train", is_flag=True, help="Fit networks that foretell memorisation by the image instead."),
    click.option(
        "--target",
        metavar="WHAT",
        help="What --train foretells: score@SIZE, residual@SIZE, or a table as of --scores.  [score@LARGEST]",
    ),
    click.option(
        "--backbones",
        type=Backbones(),
        default=BACKBONES,
        help=f"plain, or networks of timm by name.  [{','.join(BACKBONES)}]",
    ),
    click.option("--with-label", is_flag=True, help="Give them the label, too: an image shows no wrong label."),
    click.option("--seeds", type=WHOLE, default=SEEDS, help=f"Fits of each.  [{SEEDS}]"),
    click.option("--epochs", type=WHOLE, default=EPOCHS, help=f"Of each fit.  [{EPOCHS}]"),
    click.option(
        "--pretrained",
        type=Place(dir_okay=False),
        metavar="FILE",
        help="Weights that networks of timm begin with: safetensors, or of torch.save.",
    ),
    click.option("--evaluate-on", type=RunPlace(), metavar="RUN", help="Ask them about another run's images, too."),
    click.option("--engine", type=click.Choice(["inline", "processes", "ray"]), default="processes"),
    click.option("--address", metavar="HOST:PORT", help="The head of the Ray cluster.  [auto]"),
    click.option("--workers", type=int, metavar="N", help="Processes that fit.  [one a core, or a GPU]"),
)
OWN = (
    "target",
    "backbones",
    "with_label",
    "seeds",
    "epochs",
    "pretrained",
    "evaluate_on",
    "engine",
    "address",
    "workers",
)
"""Options that say something of --train alone"""
KEPT = ("run", "plot", "device", "details", "as_json", "figures", "figure_format", "style", "verbose", "quiet")
"""What a command has in common with it"""


def trains(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command these options; with --train that is done in its place. It must stand below `draws`."""

    @wraps(function)
    def with_training(
        run: Path,
        plot: Drawing | None,
        train: bool,
        target: str | None,
        backbones: tuple[str, ...],
        with_label: bool,
        seeds: int,
        epochs: int,
        pretrained: Path | None,
        evaluate_on: Path | None,
        engine: str,
        address: str | None,
        workers: int | None,
        **rest: Any,
    ) -> None:
        context = click.get_current_context()
        given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        if not train:
            for name in OWN:
                if name in given:
                    raise click.UsageError(f"{option(name)} says what --train fits, and how; add --train.")
            function(run=run, plot=plot, **rest)
            return
        for name in given:
            if name in rest and name not in KEPT:
                raise click.UsageError(f"{option(name)} has no part in --train; leave it out.")
        asked = Training(target, backbones, with_label, seeds, epochs, pretrained, evaluate_on)
        load_for_workers(engine, "memscope.work.predictor_task")
        work = {"engine": engine, "address": address, "workers": workers, "device": rest["device"]}
        noted("memorability")(train_and_show)(
            run=run, asked=asked, work=work, plot=plot, details=rest["details"], as_json=rest["as_json"]
        )

    for each in reversed(OPTIONS):
        each(with_training)
    return with_training


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def train_and_show(
    run: Path, asked: Training, work: dict[str, Any], plot: Drawing | None, details: bool, as_json: bool
) -> None:
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.predictor import train_predictor
    from memscope.tables.predictor import show
    from memscope.tables.printing import print_json
    from memscope.work.carrying_out import WorkOptions

    with TrainingProgress(quiet=as_json, doing="fitting", thing="fit") as progress:
        found = train_predictor(run, asked, WorkOptions(**work), plot=plot, say=progress.say, on_end=progress.ended)
    if as_json:
        print_json(keys_of(found))
    else:
        show(found, details)
    if found.failed:
        sys.exit(1)
