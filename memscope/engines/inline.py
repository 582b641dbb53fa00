"""`inline`: one bundle after another in this process. For debugging; the other engines must give the same outcomes."""

import traceback
from collections.abc import Generator, Iterable
from functools import partial

from memscope.engines import Bundle, OpenWork, Report
from memscope.under_way import begin, heard_by, pass_on


def run_inline(open_work: OpenWork, bundles: Iterable[Bundle], workers: int = 1) -> Generator[Report, None, None]:
    """Run the tasks here; `workers` has no meaning for this engine."""
    work = open_work(0)
    for bundle in bundles:
        try:
            begin()
            with heard_by(partial(pass_on, bundle)):
                report = Report(bundle, work(bundle))
        except (Exception, SystemExit):  # the user's own code may call sys.exit
            report = Report(bundle, failure=traceback.format_exc())
        yield report
