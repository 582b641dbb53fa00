"""What `memscope score` found, on one screen: how much is memorised, by whom, and which labels to look at."""

from collections.abc import Sequence

from memscope.analysis.statistics.clear import clear, known
from memscope.analysis.statistics.jackknife import FEWEST_BLOCKS
from memscope.findings.numbers import percent, percent_with_error, signed, with_error
from memscope.findings.screen import Command, Grid, Remark, Screen, command
from memscope.findings.words import ERRORS, at_sizes, listed, more_models
from memscope.plan.recipe import RECORDED
from memscope.reports.evidence import Estimate, ScoreEvidence
from memscope.reports.score import ScoreReport, SizeScore
from memscope.text import counted

FEW = 5
"""Examples beyond twice what noise would show that are no finding: they share their models, and noise its clusters"""


def screen(report: ScoreReport) -> Screen:
    evidence = report.evidence
    assert evidence is not None  # reports that were stored before it was have none, and are not told
    told = [memorised(report, evidence), means(report, evidence), flips(report), look_at(report, evidence)]
    return Screen(told, grid(report, evidence), notes(report, evidence), commands(report, evidence))


def memorised(report: ScoreReport, evidence: ScoreEvidence) -> str:
    """How many examples are memorised, beside what noise would show if none were."""
    axis, last = report.axis, report.sizes[-1].size
    count, chance = evidence.memorised[-1], evidence.by_chance[-1]
    of_all = f"of the {counted(report.examples, 'training image')}"
    are = "is" if count == 1 else "are"
    what = (
        "models trained with the image get it right more often than models trained without it, and the 95% interval of "
        "the difference, which is the image's memorisation score, lies above 0"
    )
    if count <= 2 * chance + FEW:
        return (
            f"These models do not tell which {of_all} are memorised at {axis} {last}: {count:,} {are} clearly "
            f"memorised, and noise alone would show {chance:,.0f}. Clearly means that {what}."
        )
    several = len(report.sizes) > 1
    smallest = f" and {evidence.memorised[0]:,} at {axis} {report.sizes[0].size}" if several else ""
    noise = f"{chance:,.0f}" + (f" and {evidence.by_chance[0]:,.0f}" if several else "")
    return (
        f"{count:,} {of_all} {are} clearly memorised at {axis} {last}{smallest}: {what}. If "
        f"nothing were memorised, noise alone would show {noise}."
    )


def means(report: ScoreReport, evidence: ScoreEvidence) -> str:
    """The mean score, and whether it changes with the size."""
    axis, first, last = report.axis, report.sizes[0], report.sizes[-1]
    ends = [f"{with_error(row.mean_score, row.mean_score_error)} at {axis} {row.size}" for row in (first, last)]
    if len(report.sizes) == 1:
        alone = Estimate(value=last.mean_score, error=last.mean_score_error, blocks=last.blocks)
        sure = ": not clearly above 0" if known(alone) and not clear(alone) else ""
        return f"The mean score is {ends[0]}{sure}."
    whole = evidence.mean.whole
    change = signed(whole.value, whole.error)
    if clear(whole):
        return f"The mean score {'rises' if whole.value > 0 else 'falls'} from {ends[0]} to {ends[1]} ({change})."
    if known(whole):
        return f"The mean score is {ends[0]} and {ends[1]}: noise alone may make such a difference ({change})."
    if not whole.blocks:
        return f"The mean score is {ends[0]} and {ends[1]}; sizes have different blocks, so the error is not known."
    return f"The mean score is {ends[0]} and {ends[1]}; so few models do not tell whether that is a change."


def flips(report: ScoreReport) -> str:
    """How well the score finds flipped labels, where they are known."""
    last = report.sizes[-1]
    area = last.flipped
    if area is None or not report.flipped:
        return ""
    over = Estimate(value=area.auc_score - 0.5, error=area.auc_score_error, blocks=last.blocks)
    sure = " That is not clearly better than chance." if known(over) and not clear(over) else ""
    return (
        f"{counted(report.flipped, 'label')} {'were' if report.flipped != 1 else 'was'} flipped. At {report.axis} "
        f"{last.size} a flipped label has a higher score than one that is not in "
        f"{percent_with_error(area.auc_score, area.auc_score_error)} of all pairs (by chance: 50%).{sure}"
    )


def look_at(report: ScoreReport, evidence: ScoreEvidence) -> str:
    """Labels that the models trained without the example dispute."""
    found = evidence.disputed
    if not found.labels:
        return ""
    told = (
        f"{counted(found.labels, 'label')} {'is' if found.labels == 1 else 'are'} disputed: the models of "
        f"{report.axis} {found.size} that were trained without the image most often see another class."
    )
    if not found.first:
        return told
    share = percent((report.flipped or 0) / report.examples)
    return f"{told} Of the first {found.first:,} of --suspects {found.first_flipped:,} were flipped (of all: {share})."


def grid(report: ScoreReport, evidence: ScoreEvidence) -> Grid:
    """A row for every size."""
    noisy = any(row.flipped is not None for row in report.sizes)
    columns = [
        *(report.axis, "models", "mean\nscore", "clearly\nmemorised", "noise\nalone"),
        *("right,\nif seen", "right,\nif not", "right,\ntest"),
        *(["flipped\nhigher"] if noisy else []),
    ]
    rows = [
        [
            str(row.size),
            str(row.models),
            with_error(row.mean_score, row.mean_score_error),
            f"{count:,}",
            f"{chance:,.0f}",
            percent(row.mean_accuracy_in),
            percent(row.mean_accuracy_out),
            percent(row.test_accuracy),
        ]
        + ([percent(row.flipped.auc_score) if row.flipped else "-"] if noisy else [])
        for row, count, chance in zip(report.sizes, evidence.memorised, evidence.by_chance, strict=True)
    ]
    return Grid(columns, rows)


def notes(report: ScoreReport, evidence: ScoreEvidence) -> list[Remark]:
    """What changes how the table is to be read."""
    rows, axis, largest = report.sizes, report.axis, report.sizes[-1]
    found = warnings(report)
    fewest = min(row.blocks for row in rows)
    if fewest < FEWEST_BLOCKS:
        found.append(
            Remark(f"No ± below {FEWEST_BLOCKS * evidence.block} models: it needs blocks of them to leave out.")
        )
    else:
        found.append(Remark(ERRORS))
    same = report.duplicates
    if same.exact or same.near:
        found.append(
            Remark(
                f"{counted(same.exact + same.near, 'image')} with a twin among the others: low scores by definition."
            )
        )
    if not largest.interpolates:
        found.append(
            Remark(
                f"{axis.capitalize()} {largest.size} fits {largest.own_accuracy:.1%} of its own images: larger "
                f"{axis}s or more epochs would memorise more."
            )
        )
    undefined = [row.size for row in rows if row.undefined]
    if undefined:
        most = max(row.undefined for row in rows)
        found.append(Remark(f"Without a score at {at_sizes(axis, undefined)}: up to {counted(most, 'image')}."))
    found += [Remark(f"Wrote {line}.") for line in report.written or ()]
    return found


def warnings(report: ScoreReport) -> list[Remark]:
    """What is missing, lost or mixed."""
    rows, axis, planned = report.sizes, report.axis, report.models_planned
    found = []
    for there, sizes in sizes_by([(row.models + row.diverged, row.size) for row in rows]).items():
        if there < planned:
            found.append(f"Unfinished at {axis} {listed(sizes)}: {there} of {planned} planned models.")
    for lost, sizes in sizes_by([(row.diverged, row.size) for row in rows]).items():
        if lost:
            found.append(f"Left out at {axis} {listed(sizes)}: {counted(lost, 'model')} that diverged.")
    poor = [row.size for row in rows if row.fit_warning]
    if poor:
        found.append(
            f"Warning: {at_sizes(axis, poor)} may be badly trained rather than small: a low score there may mean that."
        )
    if len(report.made_by) > 1:
        found.append("Warning: models were made in different ways (device, precision or versions).")
    if any(len(sources) > 1 for sources in report.made_from.values()):
        found.append("Warning: models were made from different code, and the scores mix them.")
    return [Remark(text, True) for text in found]


def sizes_by(pairs: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    """Sizes by a number that they have."""
    found: dict[int, list[int]] = {}
    for number, size in pairs:
        found.setdefault(number, []).append(size)
    return found


def commands(report: ScoreReport, evidence: ScoreEvidence) -> list[Command]:
    """What to do next."""
    found = []
    if unfinished(report.sizes, report.models_planned) and report.trainer != RECORDED:
        found.append(command("The missing models", "train-family", report.run))
    elif not unfinished(report.sizes, report.models_planned) and (
        min(row.blocks for row in report.sizes) < FEWEST_BLOCKS
    ):
        found.append(more_models(report.run, FEWEST_BLOCKS * evidence.block, report.trainer, "Models for errors"))
    if evidence.disputed.labels and not report.suspects_written:
        found.append(command("The labels to look at", "score", report.run, "--suspects", "suspects.csv"))
    if len(report.sizes) > 1:
        found.append(command("Next", "trajectories", report.run, "--plot"))
    return found


def unfinished(rows: Sequence[SizeScore], planned: int) -> bool:
    return any(row.models + row.diverged < planned for row in rows)
