"""Files that are either whole or absent: temporary name, fsync, rename, fsync of the directory.

Appending to HDF5 files was seen to destroy old data under SIGKILL; a file written aside and renamed never was.
"""

import contextlib
import logging
import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from memscope.errors import RunError
from memscope.files.places import STANDARD_OUTPUT
from memscope.text import printable

NOTES = logging.getLogger(__name__)

TEMPORARY = re.compile(r"^\..+~(?P<host>[^~]*)~(?P<process>\d+)\.tmp$")


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write `content` to `path`, replacing what was there; RunError, and nothing changed, where that fails."""
    with writing(path) as file:
        file.write(content)


def write_where_told(path: Path, content: bytes | memoryview) -> None:
    """Write what the user wants under a name of theirs, which may be a link, or no file but /dev/stdout or a pipe.

    `write_atomically` would put a file in the place of those. It is for the files of a run, where nothing is followed.
    `-` is standard output.
    """
    if path == STANDARD_OUTPUT:
        write_out(content)
    elif path.exists() and not path.is_file() and not path.is_dir():
        try:
            with open(path, "wb") as stream:
                stream.write(content)
        except OSError as error:
            raise unwritten(path, error) from error
    else:
        write_atomically(Path(os.path.realpath(path)), content)


def write_out(content: bytes | memoryview) -> None:
    """Write to standard output, as the program or a test has it; BrokenPipeError if its reader has gone."""
    sys.stdout.flush()
    write = getattr(sys.stdout, "write_bytes", None) or sys.stdout.buffer.write
    write(content)
    sys.stdout.flush()


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file to write what `path` is to hold; it takes its place, whole and on the disk, when the block ends."""
    with temporary_beside(path) as temporary:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        size = temporary.stat().st_size
        os.replace(temporary, path)
        sync_directory(path.parent)
    NOTES.debug("wrote %s (%d bytes)", printable(str(path)), size)


def create_atomically(path: Path, content: bytes) -> bool:
    """Write `content` to `path` unless there is a file already; whether it was this call that made it."""
    with temporary_beside(path) as temporary:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        sync_directory(path.parent)
        return True


@contextlib.contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """A temporary name in the directory of `path` (made if need be); removed at the end, whatever happens."""
    temporary = path.with_name(f".{path.name}~{socket.gethostname()}~{os.getpid()}.tmp")
    try:
        make_directory(path.parent)
        yield temporary
    except OSError as error:
        raise unwritten(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def unwritten(path: Path, error: OSError) -> RunError:
    """The error for a file that the system did not let us write."""
    reason = error.strerror or str(error)
    return RunError(
        f"{path} could not be written: {reason}. Nothing was changed there; remove the cause and run the command again"
    )


def make_directory(directory: Path) -> None:
    """Make a directory and those above it, durably."""
    if not directory.is_dir():
        make_directory(directory.parent)
        directory.mkdir(exist_ok=True)
        sync_directory(directory.parent)


def sync_directory(directory: Path) -> None:
    """Make a rename in `directory` durable."""
    if os.name == "nt":  # Windows opens no directory, and needs no such thing
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_abandoned(directory: Path) -> None:
    """Remove temporary files under `directory` whose process, on this host, is gone: what a SIGKILL leaves."""
    for path in directory.rglob(".*.tmp"):
        found = TEMPORARY.match(path.name)
        if found and found["host"] == socket.gethostname() and not process_exists(int(found["process"])):
            with contextlib.suppress(OSError):
                path.unlink()


def process_exists(process: int) -> bool:
    """Whether a process of this number runs on this host."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
