"""`changes.csv` of a derived run: what was changed in the data of the run that it is from.

With it the run can make its data from their source again, without that run. Its SHA-256 is in the plan.
"""

import hashlib
from contextlib import suppress
from pathlib import Path

from memscope.datasets.changes import DROP, RELABEL, Changes
from memscope.datasets.changes_file import MOST_BYTES, changes_in
from memscope.errors import DataError, FileError, RunError
from memscope.files.text_table import content_of
from memscope.plan.plan import DataChoice, Plan
from memscope.reports.derived import DerivedData


def changes_path(run: Path) -> Path:
    return run / "changes.csv"


def again(run: Path, data: DataChoice) -> str:
    """The command that puts the file back."""
    return f"memscope train-family {run} --from {data.origin or 'RUN'} --changes FILE"


def read_run_changes(run: Path, data: DataChoice) -> Changes:
    """The changes of a derived run whose plan says this of its data; RunError if they are missing or others."""
    path = changes_path(run)
    if not path.is_file():
        raise RunError(
            f"{path} does not exist; expected what was changed in the data of {data.origin or 'another run'}; "
            f"{again(run, data)} puts it back"
        )
    try:
        content = content_of(path, MOST_BYTES, "a file of changes", "it was damaged")
        found = digest_of(content)
        if found == data.changes:
            return changes_in(path, content)
    except DataError as error:
        raise RunError(str(error)) from error
    wrong = f"has SHA-256 {found[:12]}, expected {str(data.changes)[:12]}: it was edited or damaged"
    raise FileError(run, path, wrong, again(run, data))


def digest_of(content: bytes) -> str:
    """SHA-256, in hex, of the content of a file of changes."""
    return hashlib.sha256(content).hexdigest()


def derived_data_in(run: Path, plan: Plan) -> DerivedData | None:
    """What a report says of where the data of a run come from; None where it is not a derived one."""
    changes = None
    if plan.data.changes is not None:
        with suppress(RunError):
            changes = read_run_changes(run, plan.data)
    return derived_data(plan, changes)


def derived_data(plan: Plan, changes: Changes | None) -> DerivedData | None:
    """The same from its plan and its changes, None where they cannot be read."""
    if plan.data.changes is None:
        return None
    return DerivedData(
        run=plan.data.origin,
        digest=plan.data.origin_digest,
        changes=plan.data.changes,
        dropped=None if changes is None else changes.number(DROP),
        relabelled=None if changes is None else changes.number(RELABEL),
        nominal_examples=plan.nominal_examples,
    )
