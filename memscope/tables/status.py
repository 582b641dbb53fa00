"""`memscope status` in print."""

from collections.abc import Sequence

from memscope.reports.status import CommandTime, Repair, StatusReport
from memscope.tables.printing import decimals, duration, percent, say, size_of, table
from memscope.work.timing import PARTS


def show(report: StatusReport) -> None:
    """All that the command prints; of `--timing` nothing but the time."""
    if report.repair is not None:
        show_repair(report.repair)
    if report.timing is not None:
        show_timing(report.timing)
    else:
        show_state(report)


def show_repair(repair: Repair) -> None:
    """The files that were moved aside."""
    for moved in repair.moved:
        say(f"Moved {moved.file} to {moved.to}: it {moved.found}; {moved.again}.")
    say(f"{repair.files:,} files read; " + (f"{len(repair.moved)} moved." if repair.moved else "all whole."))


def show_state(report: StatusReport) -> None:
    """What is there, how precise the scores are, what failed, and what is out of date."""
    how = f", trained in {report.backend}" if report.backend else ""
    table(
        f"{report.family} on {report.data}, {report.models_planned} models of each {report.axis} planned{how}",
        [report.axis, "models", "missing", "failed tasks", "outcomes", "weights"],
        [
            [
                str(row.size),
                str(row.models),
                str(row.missing),
                str(len(row.failed_tasks)),
                size_of(row.bytes),
                size_of(row.weight_bytes),
            ]
            for row in report.sizes
        ],
    )
    for row in report.sizes:
        for file in row.failed_tasks:
            say(f"Failed: {file} has the traceback; memscope train-family {report.run} tries it again.")
    if report.score_precision:
        forecasts = [each.error for each in report.score_precision[0].forecast]
        table(
            "Standard errors so far (rms over the examples), and the models of a size that another error would take",
            [report.axis, "models", "error of a score", "population", "halves agree"]
            + [f"for {error:g}" for error in forecasts],
            [
                [
                    str(row.size),
                    str(row.models),
                    decimals(row.rms_standard_error),
                    decimals(row.rms_sd),
                    decimals(row.agreement),
                    *(
                        f"{each.models:,}" + (f" (+{duration(each.seconds)})" if each.seconds > 0 else "")
                        for each in row.forecast
                    ),
                ]
                for row in report.score_precision
            ],
        )
        say("(+): the time of one worker. halves agree: rank correlation of the scores of two halves of the models.")
    if report.variants:
        table(
            "Beside them",
            ["variant", report.axis, "models", "missing"],
            [[row.variant, str(row.size), str(row.models), str(row.missing)] for row in report.variants],
        )
    for file in report.other_failures:
        say(f"Failed: {file} has the traceback. To try it again, run the command that failed.")
    for group, state in report.results.items():
        teacher = f" --teacher {report.sizes[-1].size}" if group == "distill" and state == "missing" else ""
        remedy = "" if state == "current" else f"; run memscope {group} {report.run}{teacher}"
        say(f"Results of {group}: {state}{remedy if len(state) < 20 else ''}.")
    if any(row.missing for row in report.sizes):
        recorded = report.trainer == "record"
        say(
            "Next: run.record what is missing."
            if recorded
            else f"Next: memscope train-family {report.run} trains what is missing."
        )


def show_timing(rows: Sequence[CommandTime]) -> None:
    """The time of the commands that ended well, and its parts."""
    if not rows:
        say("No command on this run has noted its time yet.")
        return
    table(
        "Where the time went (wall clock)",
        ["command", "calls", "time", *PARTS],
        [
            [
                row.command,
                str(row.calls),
                duration(row.seconds),
                *(percent(getattr(row, part) / row.seconds if row.seconds else None) for part in PARTS),
            ]
            for row in rows
        ],
    )
    said = "; ".join(f"{part}: {meaning}" for part, meaning in PARTS.items())
    say(f"{said}. Calls that were interrupted are not in it.")
