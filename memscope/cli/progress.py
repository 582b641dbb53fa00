"""The live display of a training: a bar on a terminal, plain lines elsewhere."""

import math
import time
from collections.abc import Hashable
from types import TracebackType
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from memscope.cli.interrupted import Interrupted
from memscope.findings.numbers import duration
from memscope.tables import verbosity
from memscope.tables.printing import wrapped
from memscope.text import printable
from memscope.under_way import watched_by

if TYPE_CHECKING:
    from memscope.engines import ClusterState
    from memscope.work.carrying_out import Ended

clock = time.monotonic
"""Of this display alone, for tests that set it"""

PLAIN_EVERY = 10.0
"""Seconds between two plain lines."""

FIRST_AFTER = 2.0
"""Seconds after which the first of them comes, as soon as anything has been done."""


class TrainingProgress:
    """Shows the models, or what else is done, the rate and the time left; on standard error, so that output can be
    piped."""

    def __init__(self, quiet: bool = False, doing: str = "training", thing: str = "model") -> None:
        console = Console(stderr=True)
        self.quiet = quiet or verbosity.quiet()
        # what is noted with --verbose would be drawn into the display
        self.live = console.is_terminal and not self.quiet and not verbosity.verbose()
        self.start = clock()
        self.next_line = math.inf
        self.display = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[told]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            disable=not self.live,
        )
        self.doing = doing
        self.thing = thing
        """What is counted: models and fits, told of while they are trained; or images, told of when they are kept"""
        self.bar = self.display.add_task(doing, total=None, told="")
        self.left_out: tuple[str, ...] = ()
        self.all_done = 0
        """Models that this command has finished, of whatever work"""
        self.done, self.total = 0, 0
        self.parts: dict[Hashable, float] = {}
        """Of each bundle that has not ended, the models done"""
        self.failed: dict[Hashable, int] = {}
        """Models of the bundles that have failed, and are tried again at the end"""
        self.error = math.nan
        self.cluster: ClusterState | None = None

    def __enter__(self) -> "TrainingProgress":
        self.watching = watched_by(self)
        self.watching.__enter__()
        self.display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.display.update(self.bar, visible=self.total > 0)  # of no number of models a bar says nothing afterwards
        self.display.stop()
        self.watching.__exit__(None, None, None)
        if isinstance(error, KeyboardInterrupt) and (self.total or self.all_done):
            kept = int(sum(self.parts.values())) if self.thing == "image" else self.all_done
            raise Interrupted(kept, self.thing) from error

    def say(self, text: str) -> None:
        """What is being done before the training, or remarkable about the data; it may name the user's files."""
        text = printable(text)
        if self.live:  # above the bar, where it stays
            style = "" if text.startswith("Warning: ") else "dim"
            lines = "\n".join(wrapped(text, self.display.console.width))
            self.display.console.print(lines, style=style, markup=False, highlight=False, soft_wrap=True)
        elif not self.quiet:
            click.echo(text, err=True)

    def began(self, models: int) -> None:
        """Work on so many models is about to be handed out."""
        self.start = clock()
        self.next_line = self.start + FIRST_AFTER
        self.done, self.total = 0, models
        self.parts, self.failed = {}, {}
        if self.live and models:
            self.display.update(self.bar, total=models, completed=0, told=f"0 of {models}")

    def moved(self, bundle: Hashable, models: float) -> None:
        """So many models of a bundle that has not ended are done."""
        self.parts[bundle] = models
        self.show()

    def ended(self, ended: "Ended") -> None:
        """A bundle has ended."""
        self.parts.pop(ended.tasks, None)
        self.all_done += ended.done - self.done
        self.done, self.total, self.error, self.cluster = ended.done, ended.total, ended.error, ended.cluster
        if ended.failed:
            self.failed[ended.tasks] = sum(task.count for task in ended.tasks)
        else:
            self.failed.pop(ended.tasks, None)
        self.tell_left_out(ended.cluster)
        self.show(now=ended.failed or ended.done == ended.total)

    def show(self, now: bool = False) -> None:
        """Draw where we are, or print a line of it if it is time for one."""
        so_far = min(self.done + sum(self.parts.values()), self.total)
        if self.live:
            self.display.update(
                self.bar, description=self.doing, completed=so_far, total=self.total, told=", ".join(self.words(so_far))
            )
        elif not self.quiet and (now or clock() > self.next_line):
            self.next_line = clock() + PLAIN_EVERY
            click.echo(", ".join(self.words(so_far)), err=True)

    def words(self, so_far: float) -> list[str]:
        """Models, rate, time left, failures, precision and cluster, in a few words; `so_far` counts parts of models."""
        elapsed, left = clock() - self.start, self.total - so_far
        words = [f"{int(so_far + 1e-9)} of {self.total} {self.thing}s"]
        if so_far and elapsed:
            rate = so_far / elapsed
            words.append(f"{60 * rate:.{0 if rate > 0.1 else 1}f} a minute")
            # Large sizes come first, so the rate so far promises too little: the time left is an upper bound.
            words += [f"at most {duration(left / rate)} left"] if left else []
        if self.failed:
            words.append(f"{sum(self.failed.values())} failed")
        if not math.isnan(self.error):
            words.append(f"scores \u00b1{self.error:.2f}")
        return [*words, *([told(self.cluster)] if self.cluster else [])]

    def tell_left_out(self, cluster: "ClusterState | None") -> None:
        """The nodes that have been left out since we told of some."""
        left_out = () if cluster is None else cluster.left_out
        if not self.quiet:
            for news in set(left_out) - set(self.left_out):
                self.display.console.print(f"Left out the node {news}", markup=False, highlight=False, soft_wrap=True)
        self.left_out = left_out


def told(cluster: "ClusterState | None") -> str:
    """The nodes and workers in a few words; nothing where they never change."""
    if cluster is None:
        return ""
    return f"{cluster.workers} worker{'s' * (cluster.workers != 1)} on {cluster.nodes} node{'s' * (cluster.nodes != 1)}"
