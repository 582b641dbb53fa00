"""`memscope status`: what is done, what is missing, what failed."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from memscope.cli.types import json_option, run_argument

EPILOG = """
\b
Example:
  memscope status runs/fashion
  memscope status runs/fashion --repair
"""


@click.command("status", epilog=EPILOG)
@run_argument
@click.option("--timing", is_flag=True, help="Tell where the time of the run's commands went.")
@click.option("--repair", is_flag=True, help="Read every file; move what is damaged to RUN/damaged, to be made again.")
@json_option
def command(run: Path, timing: bool, repair: bool, as_json: bool) -> None:
    """What of RUN is done, is missing, has failed, is out of date."""
    from memscope.steps.status import status
    from memscope.tables.printing import decimals, duration, print_json, say, size_of, table
    from memscope.work.timing import timing_rows

    repaired = None
    if repair:
        from memscope.steps.repair import repair as repair_run

        repaired = repair_run(run)
    found = status(run)
    if repaired is not None:
        found["repair"] = {
            "files": repaired.files,
            "moved": [asdict(moved) for moved in repaired.moved],
        }
    if timing:
        found["timing"] = timing_rows(run)
    if as_json:
        print_json(found)
        return
    if repaired is not None:
        for moved in repaired.moved:
            say(f"Moved {moved.file} to {moved.to}: it {moved.found}; {moved.again}.")
        say(f"{repaired.files:,} files read; " + (f"{len(repaired.moved)} moved." if repaired.moved else "all whole."))
    if timing:
        show_timing(found["timing"])
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


def show_timing(rows: list[dict[str, Any]]) -> None:
    """The time of the commands that ended well, and its parts."""
    from memscope.tables.printing import duration, percent, say, table
    from memscope.work.timing import PARTS

    if not rows:
        say("No command on this run has noted its time yet.")
        return
    table(
        "Where the time went (wall clock)",
        ["command", "calls", "time", *PARTS],
        [
            [
                row["command"],
                str(row["calls"]),
                duration(row["seconds"]),
                *(percent(row[part] / row["seconds"] if row["seconds"] else None) for part in PARTS),
            ]
            for row in rows
        ],
    )
    said = "; ".join(f"{part}: {meaning}" for part, meaning in PARTS.items())
    say(f"{said}. Calls that were interrupted are not in it.")
