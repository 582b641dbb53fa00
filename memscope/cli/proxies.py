"""`memscope proxies`: cheaper stand-ins for memorisation, and whether they follow it."""

import sys
from pathlib import Path

import click

from memscope.analysis.proxies.catalogue import PROXIES
from memscope.cli.figures import draws, run_or_plot
from memscope.cli.stored import tells_stored
from memscope.cli.types import NUMBER, Names, details_option, json_option, load_for_workers, noted, work_options
from memscope.reports.keys import keys_of
from memscope.steps.drawing import Drawing

EPILOG = """
\b
Examples:
  memscope train-family runs/fashion --models 50 --dynamics 10     # records the first ten models of each width
  memscope proxies runs/fashion --plot
  memscope proxies runs/fashion --proxies forgetting,el2n,accuracy-out --details
  memscope proxies runs/fashion --on full                 # on models of all the data, with --full 2 --dynamics 10
"""


@click.command("proxies", epilog=EPILOG)
@run_or_plot
@click.option("--proxies", "names", type=Names(tuple(PROXIES)), help="Only these, also in what is stored.  [all]")
@click.option(
    "--on",
    type=click.Choice(["auto", "subsets", "full"]),
    default="auto",
    show_default=True,
    help="The recorded models that are measured: those on subsets, or on all the data.",
)
@click.option("--epsilon", type=NUMBER, default=0.2, show_default=True, help="A change of the score that counts.")
@draws
@tells_stored("proxies")
@work_options
@details_option
@json_option
@noted("proxies")
def command(
    run: Path,
    names: tuple[str, ...] | None,
    on: str,
    epsilon: float,
    plot: Drawing | None,
    device: str,
    engine: str,
    address: str | None,
    workers: int | None,
    details: bool,
    as_json: bool,
) -> None:
    """Cheaper stand-ins for the memorisation scores of RUN, and which of them follow it.

    Proxies come from models that were recorded while they were trained (`train-family --dynamics`), the score from
    other models. Each is held against it across the examples of every size, and across the sizes: a proxy that says
    which examples are memorised may still miss how that changes as models grow. Their names: docs/science.md.
    """
    load_for_workers(engine, "memscope.work.proxy_task")
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.proxies import proxies
    from memscope.tables.printing import print_json
    from memscope.tables.proxies import show
    from memscope.work.carrying_out import WorkOptions

    with TrainingProgress(quiet=as_json, doing="measuring") as progress:
        found = proxies(
            run,
            names or (),
            WorkOptions(device=device, engine=engine, address=address, workers=workers),
            on=on,
            epsilon=epsilon,
            plot=plot,
            say=progress.say,
            on_end=progress.ended,
        )
    if as_json:
        print_json(keys_of(found))
    else:
        show(found, details)
    if found.failed:
        sys.exit(1)
