"""`memscope privacy`: how well attacks tell the training examples of models from others, from stored log-odds."""

import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from memscope.analysis.privacy.curves import GRID
from memscope.analysis.privacy.halves import (
    Apart,
    attacked_half,
    changes_together,
    halves_of,
)
from memscope.analysis.privacy.references import FEWEST_BLOCKS
from memscope.analysis.privacy.scores import ATTACKS, share_infinite
from memscope.analysis.trajectories import EPSILON, check_options, raw_types
from memscope.counting.halves import sums_of
from memscope.counting.outcomes import SizeCounts, count_size, sizes_in_ledger
from memscope.counting.privacy import Material, material_of, population_of, usable_blocks
from memscope.counting.privacy_audit import ASKED, Audit, audit_of, compared
from memscope.counting.privacy_types import ByRate, found_by_type, type_changes, type_rates, with_types
from memscope.counting.suggestions import Votes, suggested_labels
from memscope.counting.type_errors import stacked
from memscope.errors import OptionError, RunError
from memscope.reports.keys import stored_keys
from memscope.reports.privacy import (
    RESULTS,
    MemorisedFound,
    PrivacyChange,
    PrivacyReport,
    SizePrivacy,
)
from memscope.run import Run, open_run
from memscope.steps.drawing import Drawing, write
from memscope.steps.exports import check_csv_safe
from memscope.steps.privacy_export import export_records
from memscope.steps.privacy_students import attack_students, students_of
from memscope.store.ledger import distilled_settings, state_for
from memscope.store.results import read_results, results_path, write_results
from memscope.store.stored_reports import read_report
from memscope.work.carrying_out import Say, silent
from memscope.work.data_set import ensure_examples
from memscope.work.timing import spent_on

Arrays = dict[str, Any]


def privacy(
    path: str | os.PathLike[str],
    *,
    epsilon: float = EPSILON,
    students: bool = False,
    teacher_data: bool = False,
    csv_file: Path | None = None,
    csv_safe: bool = False,
    plot: Drawing | Path | None = None,
    say: Say = silent,
) -> PrivacyReport:
    """Attack the models of a run, write `results/privacy.h5`, and return what was found.

    Where a file or figures (`plot` says where) are asked for and what is stored was found with the same options of the
    same models, nothing is attacked again. `students`: distilled models too. RunError with fewer than two whole blocks,
    without log-odds, or without students where they are asked for; OptionError for `teacher_data`, which no run can
    answer.
    """
    check_options(epsilon)
    if teacher_data:
        raise OptionError(
            "--teacher-data asks what students give away of their teacher's data; the students here are trained on "
            "examples that their teacher was trained on, so that nothing tells the teacher's part from their own. It "
            "needs students that are trained on other examples; --students attacks them for their own subsets"
        )
    check_csv_safe(csv_safe, csv=csv_file)
    run = open_run(path)
    if students and not distilled_settings(run.path):
        raise RunError(
            f"{run.path} has no distilled models; train some with "
            f"memscope distill {run.path} --teacher {run.plan.sizes[-1]}"
        )
    ledger = state_for(run.path, run.plan, RESULTS)
    found = stored_audit(run, ledger, epsilon, students) if csv_file or plot else None
    if found is None:
        found = attack(run, ledger, epsilon, students, say)
    report, arrays = replace(found[0], run=str(path)), found[1]
    if csv_file is not None:
        report = replace(report, written=(export_records(run, arrays, csv_file, csv_safe),))
    if plot is not None:
        report = replace(report, figures=tuple(str(picture) for picture in draw_found(run, report, arrays, plot)))
    return report


def draw_found(run: Run, report: PrivacyReport, values: Arrays, plot: Drawing | Path) -> list[Path]:
    from memscope.plots.privacy.figures import figures  # loads matplotlib

    ensure_examples(run)
    return write(plot, figures(run, values, report))


def stored_audit(run: Run, ledger: str, epsilon: float, students: bool) -> tuple[PrivacyReport, Arrays] | None:
    """What is stored, if it was found with these options of these models; None where not, or where it is damaged."""
    if not results_path(run.path, "privacy").is_file():
        return None
    try:
        arrays, then, summary = read_results(run.path, "privacy", run.plan)
        report: PrivacyReport = read_report(run.path, "privacy", summary)
    except RunError:
        return None
    current = then == ledger and arrays.keys() >= RESULTS.fields.keys()  # or from before some of them were kept
    same = current and report.epsilon == epsilon and (report.students is not None) == students
    return (report, arrays) if same else None


@spent_on("scoring")
def attack(run: Run, ledger: str, epsilon: float, students: bool, say: Say) -> tuple[PrivacyReport, Arrays]:
    """Attack the models of every size, write the results, and return what is stored there."""
    sizes, examples = sizes_in_ledger(run), run.examples
    counts: dict[int, SizeCounts] = {}
    columns: dict[str, list[Any]] = {}
    for size in sizes:
        votes = Votes(run)
        counts[size] = replace(count_size(run, size, also=[votes.add]), soft=None)
        columns.setdefault("suggested_label", []).append(suggested_labels(run, size, votes)[0].astype(np.int32))
    blocks = usable_blocks(run, counts.values())
    check_blocks(run, sizes, blocks)
    chosen = students_of(run, counts) if students else None
    halves = halves_of(blocks) if len(sizes) > 1 else None
    types = types_of(counts, blocks, epsilon) if len(sizes) > 1 else None
    named = [types_of(counts, half, epsilon) for half in halves[::-1]] if halves else []
    rows, audits, apart = [], {}, {}
    by_type: dict[int, ByRate] = {}
    for size in sizes:
        say(f"attacking models of {run.plan.axis} {size}")
        material = material_of(run, size, blocks)
        audit = audits[size] = audit_of(material)
        attacked = [
            attacked_half(material.in_subset, material.log_odds, material.block, material.population, half)
            for half in halves or ()
        ]
        by_type[size] = found_by_type(attacked, named)
        rows.append(size_row(size, material, audit))
        if halves and size in (sizes[0], sizes[-1]):
            apart[size] = [half.apart() for half in attacked]
        score = counts[size].hard_of(blocks).score.astype(np.float32)
        for name, values in (*audit.columns.items(), ("score", score)):
            columns.setdefault(name, []).append(values)
        audits[size] = replace(audit, columns={})
    rate_of = type_rates(by_type)
    rows = [with_types(row, rate_of[row.size], by_type[row.size]) for row in rows]
    report = PrivacyReport(
        run=str(run.path),
        axis=run.plan.axis,
        data=run.plan.data.spec,
        family=run.plan.learner,
        fraction=run.plan.fraction,
        examples=len(examples.labels),
        flipped=None if examples.flipped is None else int(examples.flipped.sum()),
        population=int(population_of(run).sum()),
        epsilon=epsilon,
        sizes=tuple(rows),
        changes=changes_of(audits),
        type_changes=type_changes(by_type, rate_of),
        memorised=memorised(counts, apart) if halves else None,
        students=None if chosen is None else attack_students(run, chosen, say),
        students_left_out=(chosen.left_out or None) if chosen else None,
        trainer=run.plan.recipe.trainer,
        block=run.plan.block,
    )
    arrays: Arrays = {
        "size": np.array(sizes),
        "example": np.arange(len(examples.labels)),
        "attack": list(ATTACKS),
        "asked": np.array(ASKED),
        "block": np.array(blocks),
        "flagged_at": np.array([audits[size].flagged_at for size in sizes]),
        "false_positive_rate": GRID,
        "raw_type": [""] * len(examples.labels) if types is None else types.tolist(),
    }
    arrays |= {name: np.stack(values) for name, values in columns.items()}
    for name in ("low", "median", "high"):
        of_sizes = [[getattr(audits[size].bands[one], name) for one in ATTACKS] for size in sizes]
        arrays[f"curve_{name}"] = np.array(of_sizes, dtype=np.float32)
    for name in ("block_area", "block_true_positive", "block_false_positive"):
        arrays[name] = np.stack([audits[size].by_block[name] for size in sizes])
    arrays["transform"] = np.stack([audits[size].transforms for size in sizes])
    write_results(run.path, run.plan, "privacy", arrays, ledger, stored_keys(report))
    return report, arrays


def check_blocks(run: Run, sizes: Sequence[int], blocks: Sequence[int]) -> None:
    """RunError below two."""
    if len(blocks) < FEWEST_BLOCKS:
        at = f" at every {run.plan.axis}" if len(sizes) > 1 else f" of {run.plan.axis} {sizes[0]}"
        models = max(run.plan.models, FEWEST_BLOCKS * run.plan.block)
        raise RunError(
            f"{run.path} has {len(blocks)} whole blocks of {run.plan.block} models{at} that did not diverge; "
            f"membership inference needs at least {FEWEST_BLOCKS}, models that are attacked and others as references: "
            f"train more with memscope train-family {run.path} --models {models}"
        )


def types_of(counts: dict[int, SizeCounts], blocks: Sequence[int], epsilon: float) -> np.ndarray:
    """The raw type of every example [N] from some blocks of all sizes."""
    return raw_types(*stacked([one.hard_of(blocks) for one in counts.values()]), epsilon)


def size_row(size: int, material: Material, audit: Audit) -> SizePrivacy:
    """Without what is found by type."""
    members = int(material.in_subset.sum())
    return SizePrivacy(
        size=size,
        models=len(material.block),
        blocks=len(np.unique(material.block)),
        left_out=material.left_out,
        members=members,
        non_members=material.in_subset.size - members,
        attacks=audit.attacks,
        calibration=audit.calibration,
        flagged_at=audit.flagged_at,
        type_rate=float("nan"),
        types=(),
        infinite=share_infinite(material.log_odds),
    )


def changes_of(audits: dict[int, Audit]) -> tuple[PrivacyChange, ...]:
    """From each size to the next, and, last, from the first to the last."""
    sizes = list(audits)
    steps = list(pairwise(sizes))
    if len(sizes) > 2:
        steps.append((sizes[0], sizes[-1]))
    found = []
    for smaller, larger in steps:
        asked, true, area = compared(audits[smaller], audits[larger])
        found.append(PrivacyChange(smaller=smaller, larger=larger, asked=asked, true_positive=true, area=area))
    return tuple(found)


def memorised(counts: dict[int, SizeCounts], apart: dict[int, list[Apart]]) -> MemorisedFound:
    """Whether what rises in memorisation rises in vulnerability, from the first size to the last."""
    ends = min(counts), max(counts)
    smaller, larger = (sums_of(counts[size].hard, counts[size].blocks) for size in ends)
    found = changes_together(lambda some: larger(some).score - smaller(some).score, *(apart[size] for size in ends))
    return MemorisedFound(correlation=found.correlation, by_chance=found.by_chance)
