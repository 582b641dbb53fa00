"""`memscope status`: what is done, what is missing, what failed."""

from pathlib import Path

import click

from memscope.cli.types import json_option, run_argument

EPILOG = """
\b
Example:
  memscope status runs/fashion
"""


@click.command("status", epilog=EPILOG)
@run_argument
@json_option
def command(run: Path, as_json: bool) -> None:
    """What of RUN is done, is missing, has failed, is out of date."""
    from memscope.cli.printing import decimals, duration, print_json, say, size_of, table
    from memscope.steps.status import status

    found = status(run)
    if as_json:
        print_json(found)
        return
    table(
        f"{found['family']} on {found['data']}, {found['models_planned']} models of each {found['axis']} planned",
        [found["axis"], "models", "missing", "failed tasks", "outcomes", "weights"],
        [
            [
                str(row["size"]),
                str(row["models"]),
                str(row["missing"]),
                str(len(row["failed_tasks"])),
                size_of(row["bytes"]),
                size_of(row["weight_bytes"]),
            ]
            for row in found["sizes"]
        ],
    )
    for row in found["sizes"]:
        for file in row["failed_tasks"]:
            say(f"Failed: {file} has the traceback; memscope train-family {run} tries it again.")
    if found["score_precision"]:
        forecasts = [each["error"] for each in found["score_precision"][0]["forecast"]]
        table(
            "Precision so far (rms over the examples), and the models of a size that another error would take",
            [found["axis"], "models", "error of a score", "population", "halves agree"]
            + [f"for {error:g}" for error in forecasts],
            [
                [
                    str(row["size"]),
                    str(row["models"]),
                    decimals(row["rms_standard_error"]),
                    decimals(row["rms_sd"]),
                    decimals(row["agreement"]),
                    *(
                        f"{each['models']:,}" + ("" if not each["seconds"] else f" (+{duration(each['seconds'])})")
                        for each in row["forecast"]
                    ),
                ]
                for row in found["score_precision"]
            ],
        )
        say("(+): the time of one worker. halves agree: rank correlation of the scores of two halves of the models.")
    if found["variants"]:
        table(
            "Beside them",
            ["variant", found["axis"], "models", "missing"],
            [[row["variant"], str(row["size"]), str(row["models"]), str(row["missing"])] for row in found["variants"]],
        )
    for file in found["other_failures"]:
        say(f"Failed: {file} has the traceback; the command that it is of tries it again.")
    for group, state in found["results"].items():
        teacher = f" --teacher {found['sizes'][-1]['size']}" if group == "distill" and state == "missing" else ""
        remedy = "" if state == "current" else f"; run memscope {group} {run}{teacher}"
        say(f"Results of {group}: {state}{remedy if len(state) < 20 else ''}.")
    if any(row["missing"] for row in found["sizes"]):
        recorded = found["trainer"] == "record"
        say(
            "Next: run.record what is missing."
            if recorded
            else f"Next: memscope train-family {run} trains what is missing."
        )
