"""What `memscope influence RUN --remove N` or `--peel N` would train: a sentence before it does, a screen with
`--dry-run`."""

import math
from collections import Counter

from memscope.findings.numbers import decimals, duration, size_of
from memscope.findings.screen import Grid, Remark, Screen
from memscope.findings.words import listed
from memscope.reports.removal import ArmFound, ArmsForecast
from memscope.text import counted


def screen(report: ArmsForecast) -> Screen:
    return Screen(
        [ahead(report), chosen(report)],
        Grid(
            [report.axis, "to train", "seconds\na model"],
            [[str(one.size), f"{one.models:,}", decimals(one.seconds_per_model, 2)] for one in report.sizes],
        ),
        [Remark("Nothing was written.")],
        more=False,
    )


def arms_in_words(arms: tuple[ArmFound, ...]) -> str:
    """all, most, least, 5 random and 5 matched"""
    numbers = Counter(arm.name.partition("-")[0] for arm in arms)
    return listed([kind if number == 1 else f"{number} {kind}" for kind, number in numbers.items()])


def ahead(report: ArmsForecast) -> str:
    """How many models in which arms, how long, how much disk."""
    total = sum(each.models for each in report.sizes)
    arms = f"{len(report.arms)} arms ({arms_in_words(report.arms)})"
    if not total:
        return f"Nothing is left to train: the models of {arms} are there."
    are = "are" if total != 1 else "is"
    disk = f"They take at most {size_of(report.outcome_bytes + report.image_bytes)} of disk"
    disk += f", {size_of(report.image_bytes)} of it images that may be deleted." if report.image_bytes else "."
    if math.isnan(report.seconds):
        time = "How long that takes is not known: the models that are there do not say."
    else:
        workers = counted(report.workers, "worker")
        time = (
            f"At the pace of those that are there, that is about {duration(report.seconds)} with {workers}, beside "
            "some seconds an arm to start."
        )
    return (
        f"{counted(total, 'model')} {are} to be trained in {arms}, {report.models} of each {report.axis} in each. "
        f"{time} {disk}"
    )


def chosen(report: ArmsForecast) -> str:
    """What the arms are trained without."""
    found = (
        f"Each arm but `all` is trained without {counted(report.removed, 'example')}, chosen by the scores at "
        f"{report.axis} {report.by_size}; its models have the seed {report.seed}."
    )
    pairs = next((arm for arm in report.arms if arm.name == "pairs"), None)
    if pairs is not None:
        found += f" Of those of `pairs` {pairs.of_pairs} are training examples of listed pairs."
    elif all(arm.of_pairs is None for arm in report.arms):
        found += (
            f" No pairs are known at {report.axis} {report.by_size}; memscope influence {report.run} lists them, if it "
            "is run before the choice is made."
        )
    return found
