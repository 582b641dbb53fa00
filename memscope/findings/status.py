"""What a run has and lacks, on one screen, and the command that comes next: one that will not fail."""

from memscope.findings.derived import derived
from memscope.findings.numbers import decimals, duration, size_of
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.findings.words import listed, short
from memscope.plan.recipe import RECORDED
from memscope.reports.results import call_of
from memscope.reports.status import CommandTime, Repair, StatusReport
from memscope.text import counted

STATES = ("current", "out of date", "missing")
MOVED = 5
"""Files moved aside that are named"""


def screen(report: StatusReport) -> Screen:
    told = [models(report), derived(report.derived) if report.derived else "", results(report)]
    return Screen([text for text in told if text], grid(report), notes(report), commands(report))


def models(report: StatusReport) -> str:
    """How many models are there, how many are missing, and how precise the scores are."""
    there, missing = (sum(getattr(row, name) for row in report.sizes) for name in ("models", "missing"))
    sizes = f"{counted(report.models_planned, 'model')} of each of {counted(len(report.sizes), report.axis)}"
    how = f", trained in {report.backend}" if report.backend else ""
    start = f"{short(report.family)} on {short(report.data)}: {sizes} planned{how}."
    told = [f"All {there:,} are there." if not missing else f"{there:,} are there, {missing:,} are missing."]
    beside: dict[str, int] = {}
    for row in report.variants:
        kind = (
            "on all the data" if row.variant == "full" else "students" if "/teacher" in row.variant else "trained twice"
        )
        if row.models:
            beside[kind] = beside.get(kind, 0) + row.models
    if beside:
        told.append("Beside them: " + listed([f"{number:,} {kind}" for kind, number in beside.items()]) + ".")
    if report.dynamics:
        recorded, lacking = (sum(getattr(row, name) for row in report.dynamics) for name in ("models", "missing"))
        disk = size_of(sum(row.bytes for row in report.dynamics))
        more = f", and still has to be of {lacking:,}" if lacking else ""
        told.append(f"The training of {counted(recorded, 'model')} is recorded ({disk}){more}.")
    errors = [row.rms_standard_error for row in report.score_precision or ()]
    if errors:
        low, high = decimals(min(errors), 2), decimals(max(errors), 2)
        told.append(f"The score of one image has a standard error of {low}{'' if low == high else f' to {high}'}.")
    return " ".join([start, *told])


def results(report: StatusReport) -> str:
    """Which results are current, out of date, missing or damaged."""
    told = []
    for state in STATES:
        names = [name for name, found in report.results.items() if found == state]
        if names:
            told.append(f"{listed(names)} {'are' if len(names) > 1 else 'is'} {state}")
    damaged = [name for name, found in report.results.items() if found not in STATES]
    if damaged:
        told.append(f"{listed(damaged)} cannot be read")
    return f"Results: {'; '.join(told)}."


def grid(report: StatusReport) -> Grid:
    """A row for every size."""
    errors = {row.size: row for row in report.score_precision or ()}
    columns = [report.axis, "models", "missing", "failed\ntasks", "error of\na score", "outcomes", "weights"]
    return Grid(
        columns,
        [
            [
                str(row.size),
                f"{row.models:,}",
                f"{row.missing:,}",
                str(len(row.failed_tasks)),
                decimals(errors[row.size].rms_standard_error) if row.size in errors else "-",
                size_of(row.bytes),
                size_of(row.weight_bytes),
            ]
            for row in report.sizes
        ],
    )


def notes(report: StatusReport) -> list[Remark]:
    """What failed, what is damaged, and what cannot be done yet."""
    found = []
    if not report.examples_there:
        found.append(Remark(NO_EXAMPLES, True))
    failed = [file for row in report.sizes for file in row.failed_tasks] + list(report.other_failures)
    if failed:
        more = f" and {len(failed) - 1:,} more" if len(failed) > 1 else ""
        found.append(Remark(f"Failed: {failed[0]}{more}, with the traceback.", True))
    if report.other_failures:
        found.append(Remark("To try what else failed again, run the command that failed.", True))
    for name, state in report.results.items():
        if state not in STATES:
            found.append(Remark(f"Results of {name}: {state}.", True))
    waiting: dict[str, list[str]] = {}
    for name, why in report.not_yet.items():
        if report.results.get(name) in ("missing", "out of date"):
            waiting.setdefault(why, []).append(name)
    told = [f"{listed(names)} ({why})" for why, names in waiting.items()]
    if told:
        found.append(Remark(f"Not possible now: {'; '.join(told)}."))
    if report.trainer == RECORDED and any(row.missing for row in report.sizes):
        found.append(
            Remark(
                f"Models trained elsewhere are put in with memscope.open_run({report.run!r}).record(size, model, ...)."
            )
        )
    return found


NO_EXAMPLES = "Warning: examples.h5, with the labels, is missing; without it nothing can be scored."


def commands(report: StatusReport) -> list[Command]:
    """What comes next: one command that will not fail."""
    if not report.examples_there:
        return [command("To make it again", "train-family", report.run)]
    full = [row.missing for row in report.variants if row.variant == "full"]
    lacking = sum(full) + sum(row.missing for row in report.sizes)
    unrecorded = sum(row.missing for row in report.dynamics or ())
    if lacking and report.trainer == RECORDED:
        return []
    if lacking:
        return [command("Next, to train what is missing", "train-family", report.run)]
    if unrecorded:
        return [command("Next, to record what is missing", "train-family", report.run)]
    for name, state in report.results.items():
        if state not in STATES:
            return [command("To move aside what is damaged", "status", report.run, "--repair")]
        if state != "current" and name not in report.not_yet:
            teacher = ("--teacher", report.sizes[-1].size) if (name, state) == ("distill", "missing") else ()
            return [command("Next", *call_of(name, report.run), *teacher)]
    return []


def repaired(repair: Repair, examples_there: bool, details: bool) -> list[Remark]:
    """The files that were moved aside, without details a few by name."""
    named = repair.moved if details else repair.moved[:MOVED]
    found = [Remark(f"Moved {moved.file} to {moved.to}: it {moved.found}; {moved.again}.", True) for moved in named]
    if len(named) < len(repair.moved):
        found.append(Remark(f"Moved {len(repair.moved) - len(named):,} more.", True))
    if repair.moved:
        whole = f"{len(repair.moved):,} moved."
    else:
        whole = "all whole." if examples_there else "all whole, but examples.h5 is missing."
    return [*found, Remark(f"{counted(repair.files, 'file')} read; {whole}")]


PARTS = ("start", "training", "evaluation", "waiting", "memories", "scoring", "drawing", "rest")


def timing(rows: tuple[CommandTime, ...]) -> Screen:
    """Where the time of the run's commands went."""
    if not rows:
        return Screen(["No command on this run has noted its time yet."], more=False)
    total = rows[-1]
    names = sorted(PARTS, key=lambda part: -getattr(total, part))[:2]
    shares = [f"{getattr(total, name) / total.seconds:.0%} {name}" for name in names if total.seconds]
    most = f": most of it {listed(shares)}" if shares else ""
    told = f"{duration(total.seconds)} in {counted(total.calls, 'call')}{most}."
    columns = ["seconds", *(row.command.replace("-", "-\n") for row in rows)]
    lines: list[list[str] | str] = [["calls", *(str(row.calls) for row in rows)]]
    lines += [[part, *(f"{getattr(row, part):,.1f}" for row in rows)] for part in PARTS]
    lines.append(["all", *(f"{row.seconds:,.1f}" for row in rows)])
    notes = [
        Remark("start: Python, torch, the data. rest: printing, exports. Interrupted calls are not in it."),
    ]
    return Screen([told], Grid(columns, lines, left=1), notes)
