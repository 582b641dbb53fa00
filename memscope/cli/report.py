"""`memscope report`: one page with findings, figures and every image."""

from pathlib import Path

import click

from memscope.cli.output import told_beside
from memscope.cli.types import OutputFile, json_option, noted, run_argument
from memscope.reports.keys import keys_of

EPILOG = """
\b
Examples:
  memscope report runs/fashion                            # writes runs/fashion/report.html
  memscope report runs/fashion --out fashion.html
"""


@click.command("report", epilog=EPILOG)
@run_argument
@click.option(
    "--out", type=OutputFile(), metavar="FILE", help="Where to write it; - is standard output.  [RUN/report.html]"
)
@json_option
@noted("report")
def command(run: Path, out: Path | None, as_json: bool) -> None:
    """One page that shows what RUN has found: findings, figures, and a gallery of its images.

    It shows the results that score, trajectories, resmem, distill and proxies have stored. The page is one file of
    HTML that holds all it needs: it asks no server, and can be sent to somebody who has nothing installed.
    """
    from memscope.cli.progress import TrainingProgress
    from memscope.steps.report import report
    from memscope.tables.page import show
    from memscope.tables.printing import print_json

    with TrainingProgress(quiet=as_json, doing="making the page") as progress:
        found = report(run, out, say=progress.say)
    with told_beside(out):
        if as_json:
            print_json(keys_of(found))
        else:
            show(found)
