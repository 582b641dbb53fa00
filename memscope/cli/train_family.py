"""`memscope train-family`: train a family of classifiers on random subsets."""

import sys
from pathlib import Path
from typing import Any

import click

from memscope.cli.types import (
    NUMBER,
    WHOLE,
    FamilyName,
    Place,
    RunPlace,
    Shard,
    Sizes,
    Spec,
    details_option,
    json_option,
    load_for_workers,
    noted,
    run_argument,
    work_options,
)
from memscope.plan.backends import BACKENDS
from memscope.reports.keys import keys_of

EPILOG = """
\b
Examples:
  memscope train-family runs/fashion --data fashion-mnist-5k --label-noise 0.1
  memscope train-family runs/fashion --models 80          # 40 more of each size; nothing is retrained
  memscope train-family runs/fashion --widths 64          # a further size, on the same subsets
  memscope train-family runs/fashion --dynamics 20        # record the training of the first 20 models of each size
  memscope train-family runs/depth --data cifar:cifar-10 --family resnet --depths 8,14,20 --width 16
  memscope train-family runs/again --plan runs/fashion/plan.toml --seed 1
  memscope train-family runs/cleaned --from runs/fashion --changes changes.csv     # drop or relabel some examples
"""


REPLICATES = "2: train the subsets of the first block twice, to tell training noise from subset noise."
REPLICATE_MODELS = (
    "How many models of each size to train twice, in whole blocks. Standard errors need three blocks.  [one block]"
)


@click.command("train-family", epilog=EPILOG)
@run_argument
@click.option(
    "--data",
    type=Spec(),
    metavar="SPEC",
    help="folder:DIR, npz:FILE, hdf5:FILE, idx:DIR, cifar:DIR, torchvision:NAME[:ROOT], hf:DIR (docs/own.md), or "
    "fashion-mnist-5k, which is bundled.",
)
@click.option("--examples", type=WHOLE, metavar="N", help="Use a class-balanced sample of N training examples.  [all]")
@click.option(
    "--label-noise",
    type=NUMBER,
    metavar="SHARE",
    help="Flip this share of the training labels, and remember which.  [0]",
)
@click.option("--data-seed", type=WHOLE, metavar="N", help="Seed of the sample and of the flips.  [0]")
@click.option(
    "--image-size",
    type=WHOLE,
    metavar="PIXELS",
    help="Resize the images of folder: and hf: to this height and width.",
)
@click.option(
    "--test-share",
    type=NUMBER,
    metavar="SHARE",
    help="If the data have no test set: keep this share of each class for testing.  [0.2]",
)
@click.option("--split-seed", type=WHOLE, metavar="N", help="Seed of the choice of test examples.  [0]")
@click.option(
    "--skip-unreadable",
    is_flag=True,
    default=None,
    help="Go on without the images of folder: and hf: that cannot be read.",
)
@click.option(
    "--family",
    type=FamilyName(),
    metavar="NAME",
    help="mlp, cnn, airbench, resnet8 to resnet110, resnet (with --depths), timm/NAME or your package.module:function."
    "  [cnn]",
)
@click.option("--widths", type=Sizes(), help="Sizes of the family.  [2,4,8,16,32]")
@click.option("--depths", type=Sizes(), help="Sizes along depth instead, at one --width.")
@click.option("--width", type=WHOLE, metavar="N", help="The one width of --depths.")
@click.option("--models", type=WHOLE, metavar="K", help="Models of each size, rounded up to whole blocks.  [40]")
@click.option("--full", type=WHOLE, metavar="R", help="Models of each size on all the data, for resmem.  [0]")
@click.option(
    "--dynamics",
    type=WHOLE,
    metavar="M",
    help="Record the first M models of each size, and those on all the data, after every epoch: what they make of each "
    "training example, and some weights, for the proxies. Models that are there are trained again for it.  [0]",
)
@click.option("--fraction", type=NUMBER, metavar="R", help="Share of the examples in each subset.  [0.7]")
@click.option("--epochs", type=WHOLE, metavar="N", help="Passes over the subset.  [20]")
@click.option("--batch-size", type=WHOLE, metavar="N", help="[64]")
@click.option(
    "--learning-rate",
    type=NUMBER,
    metavar="RATE",
    help="Peak rate, one for all sizes.  [the family's: mlp 0.4, resnet 0.2, others 0.1]",
)
@click.option("--weight-decay", type=NUMBER, metavar="DECAY", help="[0.0005]")
@click.option("--schedule", type=click.Choice(["linear", "cosine"]), help="Decay after the warm-up.  [linear]")
@click.option("--label-smoothing", type=NUMBER, metavar="SHARE", help="[0]")
@click.option(
    "--augment", type=click.Choice(["none", "crop", "flip", "crop+flip"]), help="Augmentation in training.  [none]"
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    help="Fixed when the run is made: auto takes bfloat16 where it is native.  [auto]",
)
@click.option(
    "--backend",
    type=click.Choice(["auto", *BACKENDS]),
    help="What trains on a CPU, fixed when the run is made: torch, or lanes, 8 or 16 models in lockstep (narrow cnn, "
    "mlp and resnet families, float32; needs the compiled part, or a C compiler); auto: lanes where they pay.  [auto]",
)
@click.option("--seed", type=WHOLE, metavar="N", help="Seed of subsets, order, augmentation and initial weights.  [0]")
@click.option(
    "--trainer",
    metavar="NAME",
    help=(
        "memscope (our loop), your package.module:function, or record (trained elsewhere, put in "
        "with run.record).  [memscope]"
    ),
)
@click.option(
    "--plan",
    type=Place(exists=True, dir_okay=False),
    help="Take what is not given here from this plan.toml (for a new run).",
)
@click.option(
    "--from",
    "origin",
    type=RunPlace(),
    metavar="RUN",
    help="Make a derived run: all of RUN's plan, on its data after --changes.",
)
@click.option(
    "--changes",
    type=Place(exists=True, dir_okay=False),
    help="With --from: a csv of training examples to drop, relabel or keep (docs/own.md).",
)
@click.option(
    "--equal-steps",
    is_flag=True,
    default=None,
    help="With --from: as many training steps as in RUN, however many examples are left.",
)
@click.option("--replicates", type=click.IntRange(1, 2), default=1, show_default=True, help=REPLICATES)
@click.option("--replicate-models", type=WHOLE, metavar="N", help=REPLICATE_MODELS)
@click.option("--until-error", type=NUMBER, metavar="E", help="Add models until scores have this error (rms).")
@click.option(
    "--until-error-population", type=NUMBER, metavar="E", help="The same for the scores of the population estimate."
)
@click.option(
    "--until-agreement",
    type=NUMBER,
    metavar="R",
    help="Add models until their halves agree this well (rank correlation).",
)
@work_options
@click.option(
    "--shard", type=Shard(), default=(1, 1), help="Train the I-th of N shares of the models only (docs/scaling.md)."
)
@click.option("--no-weights", is_flag=True, help="Do not keep trained weights.")
@click.option("--missing-weights", is_flag=True, help="Train again the models whose weights were not kept.")
@click.option("--dry-run", is_flag=True, help="Print models, time, disk and expected standard error; write nothing.")
@details_option
@json_option
@noted("train-family")
def command(
    run: Path,
    plan: Path | None,
    device: str,
    engine: str,
    address: str | None,
    workers: int | None,
    shard: tuple[int, int],
    no_weights: bool,
    missing_weights: bool,
    replicates: int,
    replicate_models: int | None,
    until_error: float | None,
    until_error_population: float | None,
    until_agreement: float | None,
    dry_run: bool,
    details: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Train a family of classifiers of growing size on random subsets of one data set.

    Creates RUN and its plan, or continues it: options that are not given come from the saved plan, and models that
    are missing are trained. More --models and further --widths (or --depths) extend a run and change nothing in it.
    """
    if not dry_run:
        load_for_workers(engine)
    from memscope.cli.progress import TrainingProgress
    from memscope.counting.standard_errors import Until
    from memscope.plan.plan_file import read_plan
    from memscope.steps.train_family import plan_ahead, train_family
    from memscope.tables.printing import print_json
    from memscope.tables.train_family import show, show_forecast
    from memscope.work.carrying_out import WorkOptions
    from memscope.work.options import Choices, choices_from_plan

    given = Choices(**choices)
    until = Until(until_error, until_error_population, until_agreement)
    if plan is not None:
        given = choices_from_plan(read_plan(plan), given, plan.parent)
    options = WorkOptions(
        device=device, engine=engine, address=address, workers=workers, keep_weights=not no_weights, shard=shard
    )
    if dry_run:
        ahead = plan_ahead(
            run,
            given,
            options,
            until=until,
            replicates=replicates,
            replicate_models=replicate_models,
            say=TrainingProgress().say,
        )
        if as_json:
            print_json(keys_of(ahead))
        else:
            show_forecast(ahead, details)
        return
    with TrainingProgress(quiet=as_json) as progress:
        trained = train_family(
            run,
            given,
            options,
            missing_weights=missing_weights,
            replicates=replicates,
            replicate_models=replicate_models,
            until=until,
            say=progress.say,
            on_end=progress.ended,
        )
    if as_json:
        print_json(keys_of(trained))
    else:
        show(trained, shard)
    if trained.failed:
        sys.exit(1)
