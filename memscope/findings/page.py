"""What `memscope report` has written, on one screen: where it is, what is in it, and what it lacks."""

from memscope.findings.numbers import size_of
from memscope.findings.screen import Command, Remark, Screen, command
from memscope.findings.words import at_sizes, listed, short
from memscope.reports.page import PageReport
from memscope.reports.results import call_of, named

STDOUT = "-"


def screen(report: PageReport) -> Screen:
    return Screen([where(report), images(report)], None, notes(report), commands(report), more=False)


def where(report: PageReport) -> str:
    """The file, and of what it tells."""
    place = "Standard output has the page" if report.file == STDOUT else f"{report.file} has the page"
    return (
        f"{place} ({size_of(report.bytes)}): what {listed(list(map(named, report.sections)))} found at "
        f"{at_sizes(report.axis, report.sizes)}, and a gallery of the images. Any browser opens it, without a network "
        "and without memscope: it can be sent as it is."
    )


def images(report: PageReport) -> str:
    """Which images are in it."""
    if report.shown == report.examples:
        return f"All {report.examples:,} training images of {short(report.data)} are in it."
    extremes = f", and those with {listed(report.extremes)}" if report.extremes else ""
    return (
        f"{report.shown:,} of the {report.examples:,} training images of {short(report.data)} are in it: "
        f"{report.drawn:,} that were drawn at random{extremes}."
    )


def notes(report: PageReport) -> list[Remark]:
    """What is out of date or damaged, and what cannot be had."""
    stale = [name for name, state in report.results.items() if state == "out of date"]
    found = []
    if stale:
        are = "rest" if len(stale) > 1 else "rests"
        names = listed(list(map(named, stale)))
        found.append(Remark(f"Out of date: {names} {are} on other models than there are now.", True))
    for name, state in report.results.items():
        if state not in ("current", "out of date", "missing"):
            found.append(Remark(f"Left out: {named(name)}: {state}.", True))
    lacking = [
        f"{named(name)} ({why})"
        for name, why in report.not_yet.items()
        if report.results[name] in ("missing", "out of date")
    ]
    if lacking:
        found.append(Remark(f"Not possible now: {'; '.join(lacking)}."))
    if not report.neighbours:
        found.append(Remark("Images have no neighbours beside them: no model's weights were kept."))
    return found


def commands(report: PageReport) -> list[Command]:
    """What makes the results that it lacks, and then the page again."""
    found = []
    for name, state in report.results.items():
        if state in ("missing", "out of date") and name not in report.not_yet:
            teacher = ("--teacher", report.sizes[-1]) if (name, state) == ("distill", "missing") else ()
            what_for = f"To add {named(name)}" if state == "missing" else f"To bring {named(name)} up to date"
            found.append(command(what_for, *call_of(name, report.run), *teacher))
    return found
