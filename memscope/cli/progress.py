"""The live display of a training: a bar on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from memscope.tables.printing import duration
from memscope.text import printable

if TYPE_CHECKING:
    from memscope.engines import ClusterState
    from memscope.work.carrying_out import Ended

PLAIN_EVERY = 10.0
"""Seconds between two plain lines."""


class TrainingProgress:
    """Shows the models finished, the rate and the time left; on standard error, so that output can be piped."""

    def __init__(self, quiet: bool = False, doing: str = "training") -> None:
        console = Console(stderr=True)
        self.quiet = quiet
        self.live = console.is_terminal and not quiet
        self.start = time.monotonic()
        self.last_line = self.start
        self.display = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("models"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[cluster]}"),
            console=console,
            disable=not self.live,
        )
        self.doing = doing
        self.bar = self.display.add_task(doing, total=None, left="", cluster="")
        self.left_out: tuple[str, ...] = ()

    def __enter__(self) -> "TrainingProgress":
        self.display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.display.stop()

    def say(self, text: str) -> None:
        """What is being done before the training; it may name the user's files."""
        text = printable(text)
        if self.live:
            self.display.update(self.bar, description=text)
        elif not self.quiet:
            click.echo(text, err=True)

    def ended(self, ended: "Ended") -> None:
        """A task has ended."""
        elapsed = time.monotonic() - self.start
        rate = ended.done / elapsed if elapsed else 0.0
        # Large sizes come first, so the rate so far promises too little: the time left is an upper bound.
        unfinished = ended.total - ended.done
        left = f"at most {duration(unfinished / rate)} left" if rate and unfinished else ""
        cluster = told(ended.cluster)
        self.tell_left_out(ended.cluster)
        if self.live:
            self.display.update(
                self.bar, description=self.doing, completed=ended.done, total=ended.total, left=left, cluster=cluster
            )
        elif not self.quiet and (
            ended.failed or ended.done == ended.total or time.monotonic() - self.last_line > PLAIN_EVERY
        ):
            self.last_line = time.monotonic()
            parts = [f"{ended.done} of {ended.total} models", f"{rate:.2f} a second", left, cluster]
            parts += ["a task failed"] if ended.failed else []
            click.echo(", ".join(part for part in parts if part), err=True)

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
