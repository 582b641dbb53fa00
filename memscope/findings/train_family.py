"""What a training would take (`memscope train-family --dry-run`), on one screen: models, time, disk, and what for."""

import math

from memscope.findings.derived import derived
from memscope.findings.numbers import decimals, duration, size_of
from memscope.findings.screen import Grid, Remark, Screen
from memscope.reports.train_family import ForecastReport
from memscope.text import counted

SEEN = 0.01
"""Share of the time from which on that of recording is told"""


def screen(report: ForecastReport) -> Screen:
    notes = [Remark(until_forecast(report))] if report.until_asked else []
    told = [derived(report.derived)] if report.derived else []
    return Screen([*told, work(report), precision(report)], grid(report), [*notes, Remark("Nothing was written.")])


def work(report: ForecastReport) -> str:
    """How many models, how long, how much disk."""
    axis, total, sizes = report.axis, sum(each.models for each in report.sizes), len(report.sizes)
    if total == 0:
        return f"Nothing is left to train: all {counted(report.models, 'model')} of each {axis} are there."
    each = {one.models for one in report.sizes}
    spread = f", {each.pop():,} at each of {counted(sizes, axis)}" if len(each) == 1 and sizes > 1 else ""
    time = (
        "How long that takes is not known: the training is your own."
        if math.isnan(report.seconds)
        else f"A short trial says about {duration(report.seconds)} with {counted(report.workers, 'worker')}."
    )
    disk = size_of(report.outcome_bytes + report.weight_bytes + report.dynamics_bytes)
    are = "are" if total != 1 else "is"
    told = f"{counted(total, 'model')} {are} to be trained{spread}. {time} They take at most {disk} of disk."
    return f"{told} {recording(report)}" if report.dynamics_bytes else told


def recording(report: ForecastReport) -> str:
    """What the recording of dynamics takes of that."""
    share = report.dynamics_seconds / report.seconds if report.seconds else 0.0
    time = f"{duration(report.dynamics_seconds)} of that time ({share:.0%}) and " if share >= SEEN else ""
    again = f"; {report.again:,} of the models are there and are trained again for it" if report.again else ""
    return f"Recording takes {time}{size_of(report.dynamics_bytes)} of that disk{again}."


def precision(report: ForecastReport) -> str:
    """How precise the scores will be: as the models that are there show, or at worst."""
    pilot = [each.pilot for each in report.sizes if each.pilot]
    planned = f"{counted(report.models, 'model')} of each {report.axis}"
    if not pilot:
        return (
            f"With {planned} the memorisation score of one image, from 0 to 1, has a standard error of about "
            f"{report.expected_standard_error:.2f} at worst, and less where models agree. The first "
            f"{counted(report.block, 'model')} of each {report.axis} tell more: train them, then ask again."
        )
    now = [one.rms_standard_error for one in pilot]
    then = [one.expected_rms_standard_error for one in pilot]
    return (
        f"The memorisation score of one image has a standard error of {span(now)} now, and {span(then)} with {planned}."
    )


def span(values: list[float]) -> str:
    low, high = decimals(min(values), 2), decimals(max(values), 2)
    return low if low == high else f"{low} to {high}"


def grid(report: ForecastReport) -> Grid:
    """A row for every size."""
    pilot = any(each.pilot for each in report.sizes)
    columns = [report.axis, "to train", "parameters", "seconds\na model"]
    columns += ["there\nnow", "error\nnow", f"error\nwith {report.models}"] if pilot else []
    rows = []
    for each in report.sizes:
        row = [
            str(each.size),
            f"{each.models:,}",
            "-" if each.parameters is None else f"{each.parameters:,}",
            decimals(each.seconds_per_model, 2),
        ]
        if pilot:
            one = each.pilot
            row += (
                [str(one.models), decimals(one.rms_standard_error), decimals(one.expected_rms_standard_error)]
                if one
                else ["0", "-", "-"]
            )
        rows.append(row)
    return Grid(columns, rows)


def until_forecast(report: ForecastReport) -> str:
    """What `--until-...` will take."""
    pilot = [each.pilot for each in report.sizes if each.pilot]
    if report.models_until is None:
        if min((one.models for one in pilot), default=0) >= 2 * report.block:
            return "How many models --until-... takes cannot be forecast: two halves of the models so far do not agree."
        blocks = 2 if pilot else 1
        return f"How many models --until-... takes is not known before there are {blocks * report.block} of each size."
    time = "" if math.isnan(report.seconds_until) else f", {duration(report.seconds_until)} more"
    most = "at most " if report.at_most else ""
    return f"Until the scores are as precise as asked: {most}about {report.models_until:,} models of each size{time}."
