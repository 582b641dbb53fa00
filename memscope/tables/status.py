"""`memscope status` in print."""

from collections.abc import Sequence

from memscope.findings import status as findings
from memscope.findings.derived import derived
from memscope.findings.numbers import decimals, duration, percent, size_of
from memscope.reports.results import made_by
from memscope.reports.status import CommandTime, StatusReport
from memscope.tables.printing import say, show_screen, table, tell, warning
from memscope.work.timing import PARTS


def show(report: StatusReport, details: bool = False) -> None:
    """One screen, or with `details` all that there is; of `--timing` nothing but the time."""
    if report.repair is not None:
        for remark in findings.repaired(report.repair, report.examples_there, details):
            tell(remark)
    if report.timing is not None and not details:
        show_screen(findings.timing(report.timing))
    elif report.timing is not None:
        show_timing(report.timing)
    elif not details:
        show_screen(findings.screen(report))
    else:
        show_state(report)


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
    if report.derived:
        say(derived(report.derived))
    for row in report.sizes:
        for file in row.failed_tasks:
            warning(f"Failed: {file} has the traceback; memscope train-family {report.run} tries it again.")
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
    if report.dynamics:
        table(
            "Recorded while they were trained",
            ["variant", report.axis, "models", "missing", "files"],
            [
                [row.variant, str(row.size), str(row.models), str(row.missing), size_of(row.bytes)]
                for row in report.dynamics
            ],
        )
    for file in report.other_failures:
        warning(f"Failed: {file} has the traceback. To try it again, run the command that failed.")
    for group, state in report.results.items():
        teacher = f" --teacher {report.sizes[-1].size}" if group == "distill" and state == "missing" else ""
        remedy = f"; run {made_by(group, report.run)}{teacher}"
        if group in report.not_yet:
            remedy = f"; not possible now: {report.not_yet[group]}"
        say(f"Results of {group}: {state}{remedy if state in ('missing', 'out of date') else ''}.")
    if not report.examples_there:
        warning(f"{findings.NO_EXAMPLES} memscope train-family {report.run} makes it again.")
    lacking = any(row.missing for row in report.sizes)
    if not lacking and any(row.missing for row in report.dynamics or ()):
        say(f"Next: memscope train-family {report.run} records what is missing.")
    if lacking:
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
