"""Standard output and standard error of the program: they always take what is written, or the program ends in a line.

An output may lack letters (`PYTHONIOENCODING=ascii`), be closed from the start (`>&-`), be closed by its reader
(`| head`), or be full.
"""

import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

import click

from memscope.errors import MemscopeError
from memscope.files.places import STANDARD_OUTPUT
from memscope.text import writable


class Output(io.TextIOBase):
    """A stream that writes letters which its encoding lacks as others (`writable`).

    It has no `buffer`, past which click would write UTF-8 into a stream of ASCII. Where the stream can take nothing, as
    a full disk, MemscopeError; on standard error nothing, because no work is to end for want of somebody who reads how
    far it is.
    """

    def __init__(self, stream: TextIO, needed: bool) -> None:
        self.stream, self.needed = stream, needed

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute of the class, asked of the stream here
        return self.stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # likewise
        return self.stream.errors

    def write(self, text: str) -> int:
        if text == "":  # click asks so whether this is a stream of text, and takes an error for a no
            return 0
        with self.failing():
            self.stream.write(writable(text, self.encoding))
        return len(text)

    def write_bytes(self, content: bytes | memoryview) -> None:
        with self.failing():
            self.stream.buffer.write(content)

    def flush(self) -> None:
        with self.failing():
            self.stream.flush()

    @contextmanager
    def failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if not self.needed:
                return
            if isinstance(error, BrokenPipeError):
                raise
            raise MemscopeError(
                f"standard output cannot be written ({error.strerror}); give one that can be, and run the command again"
            ) from error

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    def writable(self) -> bool:
        return True


@contextmanager
def standard_outputs() -> Iterator[None]:
    """Inside, sys.stdout and sys.stderr are such streams; those that are closed go nowhere."""
    for number in range(3):
        with suppress(OSError):
            os.fstat(number)
            continue
        # else the next file that is opened, here or in a worker, would be taken for this output
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    before = sys.stdout, sys.stderr
    out, err = (stream or open(os.devnull, "w", encoding="utf-8") for stream in before)  # noqa: SIM115
    sys.stdout, sys.stderr = Output(out, needed=True), Output(err, needed=False)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err
        for stream in (out, err):
            try:
                stream.flush()
            except OSError:
                drop(stream)


def check_outputs(files: Mapping[str, Path | None]) -> None:
    """UsageError if several files are asked for on standard output, or on a terminal one that is no text."""
    asked = [option for option, file in files.items() if file == STANDARD_OUTPUT]
    if len(asked) > 1:
        raise click.UsageError(f"{' and '.join(asked)} cannot both be on standard output (-); give one of them a file.")
    if asked == ["--npz"] and sys.stdout.isatty():
        raise click.UsageError("--npz - is no text, and standard output is a terminal; give a file, or send it on.")


@contextmanager
def told_beside(*files: Path | None) -> Iterator[None]:
    """Inside, what is told goes to standard error if one of the files is standard output."""
    if STANDARD_OUTPUT not in files:
        yield
        return
    with redirect_stdout(sys.stderr):
        yield


def drop(stream: TextIO) -> None:
    """Let what is kept for writing go nowhere: Python would try again at its end, and tell of it."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
