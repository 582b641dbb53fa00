"""How far the work in hand is: told from inside it, and heard by whoever shows progress. Nothing depends on that.

Work calls `part` and `finish` with numbers of models. The engine that does it calls `begin` for every bundle, and sees
that what is told reaches the process that coordinates (`pass_on`). Who shows progress there is its watcher.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol


class Watcher(Protocol):
    """Shows progress."""

    def began(self, models: int) -> None:
        """Work on so many models is about to be handed out."""

    def moved(self, bundle: Hashable, models: float) -> None:
        """So many models of a bundle that has not ended are done."""


@dataclass
class Hand:
    """What this process has in hand, and who hears of it."""

    finished: float = 0.0
    hears: Callable[[float], None] | None = None
    watcher: Watcher | None = None


HAND = Hand()


def begin() -> None:
    """A bundle begins."""
    HAND.finished = 0.0


def part(models: float) -> None:
    """Beside those that are finished, work worth so many models of the bundle is done."""
    if HAND.hears is not None:
        HAND.hears(HAND.finished + models)


def finish(models: int) -> None:
    """So many more models of the bundle are done."""
    HAND.finished += models
    part(0.0)


def announce(models: int) -> None:
    """Work on so many models is about to be handed out."""
    if HAND.watcher is not None:
        HAND.watcher.began(models)


def pass_on(bundle: Hashable, models: float) -> None:
    """What was told of a bundle, here or in a worker."""
    if HAND.watcher is not None:
        HAND.watcher.moved(bundle, models)


@contextmanager
def heard_by(hears: Callable[[float], None]) -> Iterator[None]:
    """Inside, what is told is heard."""
    before, HAND.hears = HAND.hears, hears
    try:
        yield
    finally:
        HAND.hears = before


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Inside, the watcher is told of all work that this process coordinates."""
    before, HAND.watcher = HAND.watcher, watcher
    try:
        yield
    finally:
        HAND.watcher = before
