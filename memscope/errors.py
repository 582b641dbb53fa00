"""The errors that memscope raises on purpose.

Each message is one line that says what was found, what was expected and what to do. The command line prints
it after `Error:` and ends with the error's exit status; anything else that is raised is a bug of ours.
"""

from pathlib import Path

from memscope.text import abridged, printable

LONGEST = 1000
"""Characters of a message: two paths of ordinary length and the sentence around them."""


class MemscopeError(Exception):
    """Something outside the program stands in the way: a file, a run, a device.

    Messages quote file names, other people's text and other libraries' errors. Here they are made one line that is safe
    on a terminal, so that no place that raises can forget it. The end, which says what to do, is kept.
    """

    exit_status = 1

    def __init__(self, message: str) -> None:
        super().__init__(abridged(printable(message), LONGEST))


class OptionError(MemscopeError, ValueError):
    """A value that was given is not possible: an option of a command or an argument of a function."""

    exit_status = 2


class DataError(MemscopeError, ValueError):
    """Data from outside is missing, damaged or not in the expected form."""


class RunError(MemscopeError):
    """A run directory, or a file in it, is not what it should be."""


class NewerError(RunError):
    """A file was written by a newer memscope than this, in a way that this one does not know."""


class FileError(RunError):
    """A file of a run is damaged or belongs to another; `memscope status RUN --repair` moves it aside.

    `found` says what is wrong with it, `again` is the command that makes it again.
    """

    def __init__(self, run: Path, path: Path, found: str, again: str) -> None:
        super().__init__(f"{path} {found}; memscope status {run} --repair moves it aside, and {again} makes it again")
        self.found, self.again = found, again
