"""The demo's screen leads with three findings, in words that hold only where their numbers are clear of noise."""

from dataclasses import replace
from pathlib import Path

import pytest

from memscope.findings import demo
from memscope.reports.demo import Demonstration
from memscope.reports.distill import StudentKind
from memscope.reports.labels import LabelScores
from memscope.reports.resmem import MemoryChange, ResidualPrediction
from memscope.steps.demo import among_the_first
from tests.findings.made import distill_report, made, resmem_report, score_report, trajectories_report
from tests.findings.test_screens import text_of

SIZES = (1, 2, 3, 5)


def shown(error=0.004, change=-0.125, rise=0.3):
    students = distill_report(sizes=(3,), change=change, error=error)
    setting = students.settings[0]
    kinds = {
        kind: made(StudentKind, mean_score=score, test_accuracy=accuracy, by_label=by_label)
        for kind, score, accuracy, by_label in (
            ("onehot", 0.26, 0.716, made(LabelScores, mean_score_flipped=0.52, mean_score_clean=0.23)),
            ("distilled", 0.14, 0.757, made(LabelScores, mean_score_flipped=0.13, mean_score_clean=0.14)),
        )
    }
    students = replace(students, settings=(replace(setting, students=(replace(setting.students[0], **kinds),)),))
    memories = resmem_report(sizes=SIZES)
    rows = tuple(
        replace(row, change=made(MemoryChange, test_change=0.032, test_change_sd=0.02)) for row in memories.sizes
    )
    foretells = (made(ResidualPrediction, size=1, larger=5, correlation=0.82),)
    return Demonstration(
        run=Path("runs/demo"),
        scores=score_report(sizes=SIZES, error=error, rise=rise),
        types=trajectories_report(sizes=SIZES),
        memories=replace(memories, sizes=rows, foretells=foretells),
        students=students,
        suspects=Path("runs/demo/suspects.csv"),
        suspect_count=273,
        suspects_looked_at=100,
        suspects_flipped=86,
        page=Path("runs/demo/report.html"),
        figures=[Path("runs/demo/figures/shares.png")],
    )


def test_three_findings_lead_on_one_screen():
    text = text_of(demo.screen(shown()))
    assert "1. Larger networks memorise more: the mean score goes from 0.10 at width 1 to 0.40 at width 5" in text
    assert (
        "2. The score finds wrong labels: at width 5 a flipped label has a higher score than another in 95.3%" in text
    )
    assert "Of the first 100 suspects, labels that networks trained without them dispute, 86 were flipped." in text
    assert "3. Students of a larger network memorise less: taught by width 128 on the same images" in text
    assert "score 0.13 in place of 0.52 on the flipped labels and 0.14 in place of 0.23" in text
    assert "(-0.125 ±0.004 in the mean). Their test accuracy goes from 71.6% to 75.7%." in text
    assert "rank correlation of 0.82" in text
    assert text.index("1. Larger") < text.index("2. The score") < text.index("3. Students") < text.index("Besides")


@pytest.mark.parametrize("noise", [{"error": 0.4}, {"change": 0.1, "rise": -0.3}])
def test_what_may_be_noise_or_goes_the_other_way_is_not_called_a_finding(noise):
    text = text_of(demo.screen(shown(**noise)))
    assert "Larger networks memorise more" not in text
    assert "memorise less" not in text
    assert ("finds wrong labels" in text) == ("error" not in noise)


def test_the_flipped_among_the_first_suspects_are_counted(tiny_run, tmp_path):
    from memscope.run import open_run

    flipped = open_run(tiny_run).examples.flipped
    wrong, right = flipped.nonzero()[0], (~flipped).nonzero()[0]
    order = [*wrong[:5], *right[: len(wrong) - 5], *wrong[5:]]
    (tmp_path / "suspects.csv").write_text("\n".join(["example,name", *(f"{one}," for one in order)]) + "\n")
    assert among_the_first(tiny_run, tmp_path / "suspects.csv") == (len(wrong), 5)
    (tmp_path / "few.csv").write_text(f"example,name\n{wrong[0]},\n{right[0]},\n")
    assert among_the_first(tiny_run, tmp_path / "few.csv") == (2, 1)
