"""`inline`: one task after another in this process. For debugging, and the truth the other engines must meet."""

import traceback
from collections.abc import Generator, Iterable

from memscope.engines import OpenWork, Report
from memscope.store.ledger import Task


def run_inline(open_work: OpenWork, tasks: Iterable[Task], workers: int = 1) -> Generator[Report, None, None]:
    """Run the tasks here; `workers` has no meaning for this engine."""
    work = open_work(0)
    for task in tasks:
        try:
            report = Report(task, product=work(task))
        except (Exception, SystemExit):  # the user's own code may call sys.exit
            report = Report(task, failure=traceback.format_exc())
        yield report
