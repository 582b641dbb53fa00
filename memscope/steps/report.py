"""`memscope report`: one page that shows what a run has found, and every image of it."""

import os
from pathlib import Path

from memscope.files.atomic import write_atomically, write_where_told
from memscope.files.places import at_home
from memscope.page.data import PageData, gather
from memscope.page.document import document
from memscope.reports.page import PageReport
from memscope.reports.results import RESULTS
from memscope.run import Run, open_run
from memscope.steps.status import lacking
from memscope.work.carrying_out import Say, silent
from memscope.work.timing import spent_on

PAGE = "report.html"


def report(path: str | os.PathLike[str], out: str | os.PathLike[str] | None = None, *, say: Say = silent) -> PageReport:
    """Write `report.html` into a run, or the page to another file, and return what is in it.

    Results are shown as they are stored: those that are missing or rest on fewer models than there are now are named.
    RunError where there are none.
    """
    run = open_run(path)
    not_yet = {group: why for group in RESULTS if (why := lacking(run, group))}
    data = gather(run, say, not_yet)
    say("writing the page")
    content = written(run, data, None if out is None else at_home(out))
    return PageReport(
        run=str(path),
        file=str(run.path / PAGE if out is None else at_home(out)),
        bytes=content,
        image_bytes=sum(in_base64(len(sheet)) for sheet in every_sheet(data)),
        column_bytes=sum(in_base64(len(column.packed)) for column in data.columns),
        data=run.plan.data.spec,
        axis=run.plan.axis,
        sizes=data.sizes,
        examples=len(run.examples.labels),
        shown=len(data.shown),
        drawn=data.sample.drawn,
        extremes=data.sample.extremes,
        sections=tuple(data.groups),
        results=dict(data.states),
        neighbours=data.neighbours is not None,
        not_yet=not_yet,
    )


def every_sheet(data: PageData) -> list[bytes]:
    """Those of the gallery, and of what its examples carry."""
    return [*data.sheets, *(sheet for pairs in data.pairs for sheet in pairs.sheets)]


@spent_on("drawing")
def written(run: Run, data: PageData, out: Path | None) -> int:
    """Write the page; its bytes."""
    content = document(data).encode()
    if out is None:
        write_atomically(run.path / PAGE, content)
    else:
        write_where_told(out, content)
    return len(content)


def in_base64(count: int) -> int:
    """Letters for so many bytes."""
    return -(-count // 3) * 4
