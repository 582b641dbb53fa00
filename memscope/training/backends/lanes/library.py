"""The compiled part: found where the package was built with it, else compiled once into the user's cache.

It runs as we do, so it is loaded only from folders that nobody else can write to.
"""

import ctypes
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from ctypes import POINTER, Structure, c_float, c_int, c_void_p
from functools import cache
from pathlib import Path

from memscope.errors import MemscopeError
from memscope.training.backends.lanes.flags import COMMON, KINDS, LANES, MACHINES, library_name

SOURCES = Path(__file__).parent / "c"
BUILT = Path(__file__).parent / "built"
"""Where the build of a wheel puts the libraries of its platform"""


class Batch(Structure):
    """The examples of a batch, as in network.h."""

    _fields_ = (
        *((name, c_void_p) for name in ("images", "labels", "index", "rows", "columns", "mirror", "mean", "scale")),
        ("padding", c_int),
        ("stride", c_int),
    )


class Targets(Structure):
    """What is asked of a loss beside the labels, as in network.h."""

    _fields_ = (("smoothing", c_float), ("soft_weight", c_float), ("temperature", c_float), ("teacher", c_void_p))


class Rates(Structure):
    """Of one step, as in network.h."""

    _fields_ = (("rate", c_float), ("classifier_rate", c_float), ("momentum", c_float), ("decay", c_float))


class NoLibraryError(MemscopeError):
    """There is no compiled part for this machine, and none can be made here; the message says why."""


@cache
def kinds_of_processor() -> tuple[str, ...]:
    """The keys of `KINDS` that this processor is, widest first; none without wide enough multiply-adds."""
    kinds = MACHINES.get(platform.machine().lower(), ())
    if "neon" in kinds:
        return kinds
    import torch

    found = torch.backends.cpu.get_cpu_capability().lower()
    return kinds[kinds.index(found) :] if found in kinds else ()


def most_lanes() -> int:
    """How many models can be trained at once on this machine; NoLibraryError where none can."""
    kinds = kinds_of_processor()
    if not kinds:
        raise NoLibraryError(f"this processor ({platform.machine()}) has no vectors that models could be trained in")
    return LANES[kinds[0]]


def lanes_for(models: int) -> int:
    """The fewest lanes that this machine has for so many models, or the most: empty lanes are a waste."""
    enough = [LANES[kind] for kind in kinds_of_processor() if LANES[kind] >= models]
    return min(enough, default=most_lanes())


@cache
def library(lanes: int | None = None) -> ctypes.CDLL:
    """The compiled part for so many lanes, or for the most; NoLibraryError where there is none."""
    most = most_lanes()
    kind = next(kind for kind in kinds_of_processor() if LANES[kind] == (lanes or most))
    built = BUILT / library_name(SOURCES, kind)
    path = built if built.is_file() else compiled(kind)
    check_private(path.parent)
    try:
        return declared(ctypes.CDLL(str(path)))
    except OSError as error:
        raise NoLibraryError(f"{path} cannot be loaded ({error}); delete it, and it is made again") from error


def compiled(kind: str) -> Path:
    """The library in the user's cache, compiled if it is not there for these sources."""
    folder = cache_folder()
    target = folder / library_name(SOURCES, kind)
    if target.is_file():
        return target
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoLibraryError("there is no C compiler (cc, gcc or clang)")
    command = [*compiler.split(), *COMMON, *KINDS[kind]]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        check_private(folder)
        handle, part = tempfile.mkstemp(suffix=target.suffix, dir=folder)
        os.close(handle)
        try:
            done = subprocess.run(
                [*command, str(SOURCES / "lanes.c"), "-o", part],
                capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
            if done.returncode:
                reason = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
                raise NoLibraryError(f"{compiler} cannot compile it ({' '.join(reason.split())[:200]})")
            os.replace(part, target)
        finally:
            Path(part).unlink(missing_ok=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoLibraryError(f"it cannot be compiled into {folder} ({error})") from error
    return target


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache") / "memscope"


def check_private(folder: Path) -> None:
    """NoLibraryError where others may write: what they put there would run as us."""
    if sys.platform == "win32":
        return
    about = folder.stat()
    if about.st_uid not in (os.getuid(), 0) or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NoLibraryError(f"{folder} can be written by others, so nothing is loaded from it; chmod go-w it")


def declared(opened: ctypes.CDLL) -> ctypes.CDLL:
    """The library with the types of its functions."""
    p, i = c_void_p, c_int
    types = {
        "lanes_make": ([*(i,) * 8, p], p),
        "lanes_drop": ([p], None),
        "lanes_count": ([], i),
        "lanes_copy": ([p, i, i, i, p, i], None),
        "lanes_step": ([p, POINTER(Batch), POINTER(Targets), POINTER(Rates), p], None),
        "lanes_ask": ([p, POINTER(Batch), i, p, p], None),
    }
    for name, (arguments, result) in types.items():
        function = getattr(opened, name)
        function.argtypes, function.restype = arguments, result
    return opened
