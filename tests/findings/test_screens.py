"""Every command's plain answer: one screen, whole words, numbers that are the report's, and no noise among them."""

import math
import re
import shlex
from dataclasses import replace

import pytest

from memscope.analysis.statistics.clear import clear, clearest
from memscope.analysis.trajectories import TYPES
from memscope.findings import (
    convergence,
    distill,
    influence,
    memorability,
    page,
    peel,
    prediction,
    predictor,
    privacy,
    proxies,
    removal,
    removal_forecast,
    resmem,
    score,
    status,
    train_family,
    trajectories,
)
from memscope.findings.numbers import fine
from memscope.findings.screen import Grid, Remark, Screen, command
from memscope.reports.evidence import Estimate
from memscope.reports.status import MovedFile, Repair, VariantStatus
from memscope.reports.training import FailedTask
from memscope.tables.printing import command_lines, lines_of, wrapped
from tests.findings.made import (
    EIGHT,
    LONG,
    arms_forecast,
    arms_found,
    convergence_report,
    distill_report,
    forecast_report,
    influence_report,
    made,
    measured,
    memorability_report,
    page_report,
    peel_report,
    prediction_report,
    predictor_report,
    privacy_report,
    proxies_report,
    ranged,
    removal_report,
    resmem_report,
    score_report,
    status_report,
    trajectories_report,
)


def text_of(screen: Screen, width: int = 80) -> str:
    """The screen as it is printed, having found it to be one."""
    lines = [line for line, _ in lines_of(screen, width)]
    assert len(lines) <= 40
    assert all(len(line) <= width for line in lines), [line for line in lines if len(line) > width]
    assert "…" not in "".join(lines)
    words = {word for line in lines for word in line.split()}
    for told in (*screen.findings, *(note.text for note in screen.notes if note.text in " ".join(lines))):
        assert set(told.split()) <= words
    return " ".join(" ".join(lines).split())


SCREENS = {
    "score": lambda **given: score.screen(score_report(**given)),
    "trajectories": lambda **given: trajectories.screen(trajectories_report(**given)),
    "fitted trajectories": lambda **given: trajectories.screen(fitted(trajectories_report(**given))),
    "resmem": lambda **given: resmem.screen(resmem_report(**given)),
    "proxies": lambda **given: proxies.screen(proxies_report(**given)),
    "memorability": lambda **given: memorability.screen(memorability_report(**given)),
    "predictor": lambda **given: predictor.screen(predictor_report(**given)),
    "prediction": lambda **given: prediction.screen(prediction_report(**given)),
    "influence": lambda **given: influence.screen(influence_report(beside=True, left_out=10, **given)),
    "no influence": lambda **given: influence.screen(influence_report(pairs=70, **given)),
    "influence of one": lambda **given: influence.screen(influence_report(shown="train", beside=True, **given)),
    "distill": lambda **given: distill.screen(distill_report(**given)),
    "convergence": lambda **given: convergence.screen(convergence_report(**given)),
    "privacy": lambda **given: privacy.screen(privacy_report(**given)),
    "privacy of students": lambda **given: privacy.screen(
        privacy_report(students=[(f"teacher-64-t4-w0.{n}", -0.03) for n in range(4)], **given)
    ),
    "status": lambda blocks=4, **given: status.screen(status_report(**given)),
    "report": lambda blocks=4, **given: page.screen(page_report(**given)),
    "removal": lambda **given: removal.screen(removal_report(**given)),
    "peel": lambda **given: peel.screen(peel_report(**given)),
    "arms": lambda **given: removal_forecast.screen(arms_forecast(**given)),
    "dry-run": lambda blocks=4, run="", **given: train_family.screen(forecast_report(**given)),
}


@pytest.mark.parametrize("run", ["runs/x", LONG])
@pytest.mark.parametrize("blocks", [1, 2, 4, 10])
@pytest.mark.parametrize("sizes", [EIGHT[:1], EIGHT[:2], EIGHT])
@pytest.mark.parametrize("name", SCREENS)
def test_every_answer_is_one_screen_of_80_columns(name, sizes, blocks, run):
    if "trajectories" in name and len(sizes) == 1:
        return  # which has none
    screen = SCREENS[name](sizes=sizes, blocks=blocks, run=run)
    text_of(screen)
    text_of(screen, 100)


@pytest.mark.parametrize("name", ["score", "trajectories", "fitted trajectories", "distill", "memorability"])
def test_without_flipped_labels_nothing_is_said_of_them(name):
    assert "flipped" in text_of(SCREENS[name]())
    assert "flipped" not in text_of(SCREENS[name](flipped=0))


def test_a_screen_that_is_too_full_leaves_notes_out_but_no_warning():
    notes = [*(Remark(f"note {number}") for number in range(60)), Remark("Warning: one", True)]
    told = text_of(Screen(["found"], Grid(["a"], [["1"]] * 20), notes))
    assert "Warning: one" in told
    assert "note 5 " in told
    assert "note 59" not in told


def test_a_warning_is_told_though_the_screen_is_full():
    screen = Screen(["word " * 900], None, [Remark("A note."), Remark("Unfinished.", True)])
    told = [line for line, _ in lines_of(screen, 80)]
    assert "Unfinished." in told
    assert "A note." not in told


def test_words_are_never_parted_and_long_ones_stand_alone():
    long = "x" * 100
    assert wrapped(f"a {long} b c", 80) == ["a", long, "b c"]
    assert wrapped("this takes about 14 s, or 3 GB", 18) == ["this takes about", "14 s, or 3 GB"]
    assert wrapped("the mean rises by 0.25 ±0.01", 24) == ["the mean rises by", "0.25 ±0.01"]
    assert " ".join(wrapped("one two-three four " * 20, 30)) == ("one two-three four " * 20)
    assert max(map(len, wrapped("one two-three four " * 20, 30))) <= 30


def test_a_long_command_is_one_for_a_shell():
    lines = list(command_lines(command("Next", "score", LONG, "--suspects", "my file.csv"), 80))
    assert len(lines) > 2
    assert lines[0] == "Next:"
    assert all(line.endswith(" \\") for line in lines[1:-1])
    joined = "\n".join(lines[1:]).replace("\\\n", " ")
    assert shlex.split(joined) == ["memscope", "score", LONG, "--suspects", "my file.csv"]


def test_a_table_has_its_rule_below_its_headings_and_every_cell_whole():
    assert Grid(["type", "the\nshare"], [["a", "12.0%"], "over them", ["bcdef", "-"]], left=1).lines() == [
        "         the",
        "type   share",
        "────────────",
        "a      12.0%",
        "over them",
        "bcdef      -",
    ]


@pytest.mark.parametrize(
    ("value", "error", "blocks", "among", "expected"),
    [
        (0.1, 0.03, 3, 1, False),  # 3.3 errors, of 4.30 at three blocks
        (0.1, 0.03, 4, 1, True),  # of 3.18 at four
        (-0.1, 0.03, 4, 1, True),
        (0.1, 0.03, 4, 8, False),  # one of eight
        (0.1, 0.03, 40, 8, True),
        (0.1, math.nan, 2, 1, False),
        (0.0, 0.0, 4, 1, False),
    ],
)
def test_a_number_is_clear_of_noise_from_so_many_errors_on(value, error, blocks, among, expected):
    assert clear(Estimate(value=value, error=error, blocks=blocks), among) == expected


def test_of_several_clear_changes_each_way_the_largest_is_named():
    changes = [
        (size, Estimate(value=value, error=0.01, blocks=10))
        for size, value in ((1, 0.2), (2, 0.3), (4, 0.001), (8, -0.1), (16, -0.4), (32, 0.25))
    ]
    assert clearest(changes, 1) == ([1, 2, 32], 2, changes[1][1])
    assert clearest(changes, -1) == ([8, 16], 16, changes[4][1])
    assert clearest(changes[2:3], 1) is None
    assert clearest([], 1) is None


def test_score_leads_with_the_memorised_beside_what_noise_would_show():
    told = text_of(score.screen(score_report()))
    assert told.startswith("300 of the 1,000 training images are clearly memorised at width 128 and 20 at width 1:")
    assert "noise alone would show 9 and 9." in told
    assert "rises from 0.100 ±0.004 at width 1 to 0.400 ±0.004 at width 128 (+0.300 ±0.004)" in told
    assert "100 labels were flipped" in told
    assert "in 95.3% ±0.4% of all pairs" in told
    assert (
        "273 labels are disputed: the models of width 128 that were trained without the image most often see another"
        in told
    )
    assert "Of the first 100 of --suspects 86 were flipped (of all: 10.0%)." in told
    assert "memscope score runs/x --suspects suspects.csv" in told


@pytest.mark.parametrize("memorised", [0, 1, 9, 22])
def test_as_many_memorised_as_noise_would_show_are_no_finding(memorised):
    told = text_of(score.screen(score_report(memorised=memorised)))
    assert told.startswith("These models do not tell which of the 1,000 training images are memorised at width 128")


def test_a_difference_within_its_noise_is_not_called_a_rise():
    told = text_of(score.screen(score_report(rise=0.01)))
    assert "rises" not in told
    assert "noise alone may make such a difference (+0.010 ±0.004)" in told
    told = text_of(score.screen(score_report(blocks=2)))
    assert "rises" not in told
    assert "±0" not in told
    assert "memscope train-family runs/x --models 30" in told
    falls = text_of(score.screen(score_report(rise=-0.08)))
    assert "falls from 0.100 ±0.004" in falls


def test_what_is_missing_or_lost_is_a_warning_in_one_line_for_sizes_alike():
    report = score_report()
    rows = [replace(row, models=30) for row in report.sizes[:3]] + [
        replace(row, diverged=1) for row in report.sizes[3:]
    ]
    notes = score.notes(replace(report, sizes=tuple(rows)), report.evidence)
    assert [note.text for note in notes if note.warns][:2] == [
        "Unfinished at width 1, 2 and 4: 30 of 40 planned models.",
        "Left out at width 8, 16, 32, 64 and 128: 1 model that diverged.",
    ]


def test_trajectories_leads_with_the_mean_and_only_what_exceeds_flat_ones():
    told = text_of(trajectories.screen(trajectories_report()))
    assert told.startswith(
        "The mean memorisation score of 1,000 images rises from 0.100 at width 1 to 0.400 at width 128 (+0.300 ±0.004)."
    )
    assert (
        "25.0% ±1.0% of the images are increasing (the score rises with width; if no score changed, 1.0% would be)"
        in told
    )
    assert "24.0 ±1.0 points more images are increasing" in told
    assert "For 75.0% of the images these models cannot tell the type." in told
    assert "80.0%" in told
    assert "4.3%" in told
    assert "memscope train-family runs/x --models 80" in told


@pytest.mark.parametrize(("called", "raw"), [(0.0, 0.1), (0.01, 0.13), (0.055, 0.15)])
def test_shares_that_flat_trajectories_would_have_too_are_no_finding(called, raw):
    told = text_of(trajectories.screen(trajectories_report(called=called, raw=raw)))
    assert "No type of change can be called" in told
    assert "points more" not in told


def test_a_mean_that_turns_is_told_and_one_that_may_be_noise_is_not():
    report = trajectories_report()
    for value, expected in ((-0.03, True), (-0.01, False)):
        steps = (*report.evidence.mean.steps[:-1], Estimate(value=value, error=0.004, blocks=4))
        mean = replace(report.evidence.mean, steps=steps)
        told = text_of(trajectories.screen(replace(report, evidence=replace(report.evidence, mean=mean))))
        assert ("It falls from width 64 to 128 (-0.030 ±0.004)" in told) == expected


def test_where_the_mean_ends_as_it_began_the_turns_both_ways_are_told():
    report = trajectories_report(sizes=(1, 2, 4))
    steps = tuple(Estimate(value=value, error=0.004, blocks=4) for value in (0.2, -0.201))
    whole = Estimate(value=-0.001, error=0.004, blocks=4)
    evidence = replace(report.evidence, mean=replace(report.evidence.mean, whole=whole, steps=steps))
    told = text_of(trajectories.screen(replace(report, evidence=evidence)))
    assert "noise alone may make such a difference (-0.001 ±0.004). It rises from width 1 to 2 (+0.200" in told
    assert "It falls from width 2 to 4 (-0.201" in told


def test_sizes_with_different_blocks_are_not_called_few_models():
    whole = Estimate(value=0.3, error=math.nan, blocks=0)
    for kind, report in ((score, score_report()), (trajectories, trajectories_report())):
        evidence = replace(report.evidence, mean=replace(report.evidence.mean, whole=whole))
        told = text_of(kind.screen(replace(report, evidence=evidence)))
        assert "sizes have different blocks" in told
        assert "so few models do not tell whether that is a change" not in told


def test_more_students_are_asked_for_with_the_options_of_their_setting():
    report = distill_report(blocks=2, settings=2)
    words = distill.asked(report.settings[1])
    assert words == ["--teacher", 128, "--temperature", "2", "--teacher-on", "full"]
    assert "--temperature 1" in text_of(distill.screen(report))


def fitted(report, passed=True, reason="", **increasing):
    """The report with a population of increasing and constant trajectories."""
    given = {"share": 0.4, "low": 0.33, "high": 0.46} | increasing
    empty = dict.fromkeys(TYPES, 0.0)
    population = replace(
        report.population,
        shares=empty | {"increasing": given["share"], "constant": 1 - given["share"]},
        shares_low=empty | {"increasing": given["low"], "constant": 1 - given["high"]},
        shares_high=empty | {"increasing": given["high"], "constant": 1 - given["low"]},
        called=empty | {"increasing": 0.3, "constant": 0.45, "undetermined": 0.25},
        commonest="constant",
        commonest_right=1 - given["share"],
    )
    check = replace(report.population_check, passed=passed, reason=reason)
    return replace(report, population=population, population_check=check)


def test_trajectories_lead_with_the_fitted_population_where_its_check_passes():
    shown = trajectories.screen(fitted(trajectories_report()))
    assert shown.findings[0] == (
        "In the population that is fitted to these images, 60.0% are constant (54.0% to 67.0%) and 40.0% are "
        "increasing (33.0% to 46.0%: the score rises with width). The type of 75.0% of the images can be told with at "
        "least 80% certainty; to call all of them constant would be right for 60.0%."
    )
    told = text_of(shown)
    assert "Of the flipped labels 80.0% are called increasing by their own models alone, of the others 4.3%." in told
    row = next(row for row in shown.grid.rows if row[0] == "increasing")
    assert row[1:] == ["40.0%", "33.0%", "46.0%", "30.0%", "37.0% ±1.0%", "13.0%"]


def test_a_type_that_may_not_be_there_is_not_named():
    told = trajectories.screen(fitted(trajectories_report(), share=0.02, low=0.0, high=0.05)).findings[0]
    assert "increasing" not in told


def test_trajectories_do_not_lead_with_a_population_whose_check_fails():
    plain = trajectories_report()
    other = fitted(plain, passed=False, reason="halves of the models do not foretell this or that")
    assert trajectories.screen(other).findings == trajectories.screen(plain).findings
    assert "40.0%" not in text_of(trajectories.screen(other))
    assert "does not lead: halves of the models do not foretell this or that." in text_of(trajectories.screen(other))


def test_resmem_says_where_it_helps_and_where_most():
    told = text_of(resmem.screen(resmem_report()))
    assert "On test images it raises the accuracy at width 1 (+3.7 ±0.3 points); what it does at 7 widths" in told
    assert "On training images that were held out it raises the accuracy at width 1 (+3.7 ±0.3 points);" in told
    assert "neither clearly more nor clearly less" in told
    told = text_of(resmem.screen(resmem_report(change=0.003)))
    assert "raises" not in told
    assert told.count("it changes the accuracy nowhere clearly") == 2
    told = text_of(resmem.screen(resmem_report(blocks=2)))
    assert "raises" not in told
    assert "memscope train-family runs/x --models 40" in told
    assert "lowers the accuracy at width 1 (-3.7 ±0.3 points)" in text_of(resmem.screen(resmem_report(change=-0.037)))


def test_resmem_that_failed_says_so_in_warnings():
    failed = (made(FailedTask, size=4, first=10, count=10, reason="RuntimeError: no"),) * 3
    screen = resmem.screen(replace(resmem_report(), failed=failed))
    assert "Failed twice: width 4, models 10 to 19 and 2 more tasks: RuntimeError: no" in text_of(screen)
    assert all(note.warns for note in screen.notes)


def test_distill_says_whether_students_memorise_less():
    told = text_of(distill.screen(distill_report()))
    assert (
        "students memorise less at width 64: the mean score goes from 0.337 to 0.212 (-0.125 ±0.004; "
        "flipped labels -0.479 ±0.004, others -0.086 ±0.004)" in told
    )
    assert "Their test accuracy rises at 7 widths from 1 to 64 (+4.6 ±0.4 points at width 1)." in told
    assert "neither clearly less nor clearly more" in text_of(distill.screen(distill_report(change=-0.01)))
    assert "memorise more at width 64" in text_of(distill.screen(distill_report(change=0.1)))
    assert "So few models do not tell" in text_of(distill.screen(distill_report(blocks=2)))


def test_more_settings_than_a_screen_holds_are_counted():
    told = text_of(distill.screen(distill_report(settings=6)))
    assert "teacher-128-t1-w0.9-full" in told
    assert "5 settings more: see --details." in told


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"missing": 10}, "memscope train-family runs/x"),
        ({"results": "missing"}, "memscope score runs/x"),
        ({"results": "missing", "missing": 10, "trainer": "record"}, None),
        ({"examples_there": False, "results": "missing"}, "memscope train-family runs/x"),
        ({"results": "out of date", "not_yet": {"score": "no models yet"}}, "memscope trajectories runs/x"),
        ({"results": "score.h5 is damaged"}, "memscope status runs/x --repair"),
        (
            {"results": "missing", "not_yet": dict.fromkeys(("score", "trajectories", "resmem"), "why")},
            "memscope distill runs/x --teacher 128",
        ),
        ({"variants": (VariantStatus(variant="full", size=2, models=0, missing=2),)}, "memscope train-family runs/x"),
    ],
)
def test_status_says_what_comes_next_and_nothing_that_would_fail(given, expected):
    screen = status.screen(status_report(**given))
    text_of(screen)
    assert [str(one) for one in screen.commands] == ([expected] if expected else [])


def test_status_tells_what_there_is():
    told = text_of(status.screen(status_report(missing=10, results="missing")))
    assert "240 are there, 80 are missing." in told
    assert "score, trajectories, resmem and distill are missing" in told
    assert "a standard error of 0.11." in told
    recorded = status.screen(status_report(missing=10, trainer="record"))
    assert "put in with memscope.open_run('runs/x').record(size, model, ...)." in text_of(recorded)
    lost = status.screen(status_report(examples_there=False))
    assert any(note.warns and "examples.h5" in note.text for note in lost.notes)
    waiting = {"resmem": "weights were not kept", "distill": "weights were not kept"}
    told = text_of(status.screen(status_report(results="missing", not_yet=waiting)))
    assert "Not possible now: resmem and distill (weights were not kept)." in told


def test_a_repair_is_not_whole_where_the_labels_are_missing():
    assert status.repaired(Repair(files=1, moved=()), True, False)[-1].text == "1 file read; all whole."
    assert "examples.h5 is missing" in status.repaired(Repair(files=3, moved=()), False, False)[-1].text
    moved = tuple(made(MovedFile, file=f"file-{number}") for number in range(9))
    few = status.repaired(Repair(files=9, moved=moved), True, False)
    assert [one.text.split(":")[0] for one in few][-2:] == ["Moved 4 more.", "9 files read; 9 moved."]
    assert len(status.repaired(Repair(files=9, moved=moved), True, True)) == 10


def test_a_forecast_says_how_much_how_long_and_how_precise():
    told = text_of(train_family.screen(forecast_report()))
    assert "160 models are to be trained, 20 at each of 8 widths." in told
    assert "about 6 min with 1 worker." in told
    assert "at most 8.5 MB of disk" in told
    assert "a standard error of 0.18 now, and 0.13 with 40 models of each width" in told
    told = text_of(train_family.screen(forecast_report(pilot=False, sizes=(4,), models=1)))
    assert "1 model is to be trained." in told
    assert "about 0.14 at worst" in told
    assert "Nothing is left to train" in text_of(train_family.screen(forecast_report(models=0)))


@pytest.mark.parametrize(
    "of",
    [
        lambda trainer: score.screen(replace(score_report(blocks=2), trainer=trainer)),
        lambda trainer: trajectories.screen(with_trainer(trainer)),
    ],
)
def test_more_models_of_ones_that_others_train_are_planned_for_run_record(of):
    ours, theirs = ([str(line) for line in lines_of_commands(of(trainer))] for trainer in ("memscope", "record"))
    assert any(
        line.startswith("More models: memscope train-family") or "Models for errors: memscope" in line for line in ours
    )
    assert not any("run.record" in line for line in ours)
    assert any("which you train and put in with run.record, are planned by:" in line for line in theirs)
    assert max(map(len, theirs)) <= 80


def with_trainer(trainer: str):
    report = trajectories_report()
    assert report.evidence is not None
    return replace(report, evidence=replace(report.evidence, trainer=trainer))


def lines_of_commands(screen):
    return [line for one in screen.commands for line in command_lines(one, 80)]


def test_the_labels_to_look_at_are_offered_until_they_are_written():
    report = score_report()
    offered = "memscope score runs/x --suspects suspects.csv"
    assert offered in text_of(score.screen(report))
    named = replace(report, written=("suspect labels.csv: a row for every size and example",))
    assert offered in text_of(score.screen(named))  # another file of that name
    assert offered not in text_of(score.screen(replace(report, suspects_written=True)))


def test_proxies_say_which_follow_across_images_and_which_across_sizes_as_well():
    told = text_of(proxies.screen(proxies_report()))
    leading = sum(one.variant_of is None for one in proxies_report().proxies)
    assert f"Across images {leading} of {leading} follow it, most closely mean accuracy over epochs" in told
    assert f"Across widths 1 of {leading} follow it, most closely mean accuracy over epochs" in told
    assert "(slopes of images correlate by 0.70, of at most 0.92; by its level alone 0.20)" in told
    assert "1 more only as any one number per image would that has their level." in told
    assert "whose score rises, half of the proxies go with 11.0% at most, the score of other models with 84.0%;" in told
    assert "of those whose score falls, half of the proxies go with 89.0% at most, the score of other" in told
    row = next(row for row in proxies.screen(proxies_report()).grid.rows if row[0] == "mean-accuracy")
    assert row[1:] == [".80 (.75 to .85)", ".70 (.65 to .75)", ".20", ".90", "10"]  # turned the way that is expected


def test_where_none_follows_across_sizes_that_is_told():
    told = text_of(proxies.screen(proxies_report(follow=(), level=())))
    assert "Across widths 0 of 15 follow it." in told


def test_few_blocks_of_the_score_tell_nothing_of_proxies_and_say_how_many_would():
    shown = proxies.screen(proxies_report(blocks=2))
    told = text_of(shown)
    assert "So few models of the score do not tell which follow it across images." in told
    assert "No intervals and no verdicts: the score is from 2 blocks" in told
    assert "memscope train-family runs/x --models 50" in text_of(shown)


def test_memorability_leads_with_whether_there_is_a_relation_where_and_whether_within_classes():
    told = text_of(memorability.screen(memorability_report()))
    assert told.startswith(
        "What people remember (resmem 1.1.6) goes with what these models memorise: images that they remember better "
        "are memorised less at width 128 (rank correlation -.20 (-.26 to -.14)). So it does within classes (-.15 (-.21 "
        "to -.09)). Noise alone would show up to ±.06 at one width."
    )
    assert "models that were trained without them are more often right at width 128 (.20 (.14 to .26))" in told
    assert "increasing images are on average at percentile 65 of memorability (59 to 71); the 50th by chance." in told
    assert (
        "Of 16 correlations of memorability with 2 proxies of the score at 8 widths, the intervals of 8 leave 0" in told
    )
    assert "where chance alone would bring 0.8; the largest is with final loss" in told
    row = memorability.screen(memorability_report()).grid.rows[-1]
    assert row == ["128", "-.20 (-.26 to -.14)", "-.15 (-.21 to -.09)", ".20 (.14 to .26)", ".90"]


def test_where_nothing_is_related_memorability_finds_nothing_and_says_what_noise_would_show():
    shown = memorability.screen(memorability_report(overall=0.06, within=0.05, out=-0.06, typed=0.53, proxy=0.07))
    told = text_of(shown)
    assert told.startswith(
        "What people remember (resmem 1.1.6) does not clearly go with what these models memorise at any width, over "
        "all images or within classes: rank correlations of .00 to .06 over 1,000 images, where noise alone would show "
        "up to ±.06 at one width."
    )
    assert "no relation is clear" in told
    assert "No type of trajectory is clearly remembered better or less well (6 types)." in told
    assert "none is beyond what the largest of so many would be by chance" in told


def test_what_is_clear_at_one_of_eight_sizes_must_be_so_for_all_eight():
    at_one = text_of(memorability.screen(memorability_report(sizes=(8,), overall=0.07, within=0.0)))
    assert "memorised more at width 8 (rank correlation .07 (.01 to .13))" in at_one
    assert "does not clearly go" in text_of(memorability.screen(memorability_report(overall=0.07, within=0.0)))


def test_a_relation_that_is_only_between_classes_or_only_within_is_told_as_such():
    between = text_of(memorability.screen(memorability_report(within=-0.02)))
    assert "Within classes that is not clear: it may be how the classes differ." in between
    alone = text_of(memorability.screen(memorability_report(overall=-0.02)))
    assert "goes with what these models memorise only within classes: images that they remember better are" in alone
    turned = text_of(memorability.screen(memorability_report(within=0.2)))
    assert "Within classes that is not clear" in turned  # it goes the other way


def test_the_licence_and_every_caveat_are_on_the_screen_and_told_in_spite_of_quiet():
    report = memorability_report()
    shown = memorability.screen(report)
    for line in (report.licence, *report.caveats):
        assert line in text_of(shown)
        assert any(line in note.text and note.warns for note in shown.notes)


def test_where_score_and_accuracy_out_are_one_number_memorability_says_so():
    told = text_of(memorability.screen(memorability_report(out=0.2)))
    assert "At width 128 models fit all they were trained on: score and accuracy out are one number" in told
    assert "one number" not in text_of(memorability.screen(memorability_report(out=0.19)))


def test_few_blocks_or_images_of_memorability_are_said_and_what_would_tell():
    shown = memorability.screen(memorability_report(blocks=2))
    assert "Intervals are over images alone, not models: 2 blocks of at least 4." in text_of(shown)
    assert str(shown.commands[0]) == "memscope train-family runs/x --models 40"
    report = memorability_report()
    unknown = replace(ranged(0.5), low=math.nan, high=math.nan, error=math.nan, degrees=math.nan)
    rows = tuple(replace(row, score=replace(row.score, overall=unknown, within=unknown)) for row in report.sizes)
    told = text_of(memorability.screen(replace(report, sizes=rows, known=2)))
    assert told.startswith("What people remember (resmem 1.1.6) cannot be held against the scores: 2 images of known")


def test_a_predictor_leads_with_whether_an_image_foretells_what_is_memorised_and_whether_beyond_its_class():
    told = text_of(predictor.screen(predictor_report()))
    assert told.startswith(
        "An image alone foretells part of the memorisation score at width 128: rank correlation .40 (.34 to .46) by "
        "resnet18 on 200 images that were held out, where noise in the target allows .80. Its class alone foretells "
        ".25; within classes resnet18 reaches .20 (.14 to .26)."
    )
    assert "residual networks foretell more than plain ones of their size: yes (resnet18 less plain" in told
    shown = predictor.screen(predictor_report())
    assert shown.grid.rows[1] == ["resnet18", ".40 (.34 to .46)", ".20 (.14 to .26)", ".70", ".20", ".100"]
    assert shown.grid.rows[-3:] == [
        ["class mean", ".25", "-", "-", "-", ".110"],
        ["mean", "-", "-", "-", "-", ".120"],
        ["(noise)", "-", "-", "-", "-", ".020"],
    ]


TARGETS = [
    ("score", "score@16", 4, "the memorisation score at width 16", "asked of memorisation"),
    ("residual", "residual@4", 4, "the norm of the residual at width 4", "asked of residuals"),
    ("table", "people.csv", 0, "the numbers of people.csv", "asked of the numbers of people.csv"),
    ("table", "score@16", 0, "the numbers of score@16", "asked of the numbers of score@16"),
]


@pytest.mark.parametrize(("kind", "target", "blocks", "words", "asked"), TARGETS)
def test_what_was_fitted_to_is_called_what_it_is(kind, target, blocks, words, asked):
    """A table of people's numbers is nothing that models memorise, even where it has a score's name."""
    told = text_of(predictor.screen(replace(predictor_report(), target=target, target_blocks=blocks)))
    assert f"foretells part of {words}: rank correlation" in told
    assert asked in told
    assert text_of(prediction.screen(replace(prediction_report(), target=target, target_kind=kind))).startswith(
        f"What resnet18 expects of 1,000 images of folder:new: {words}, for a typical label"
    )
    if kind != "score":
        assert "memoris" not in told


@pytest.mark.parametrize("name", ["predictor", "prediction"])
def test_numbers_below_one_have_no_leading_zero_anywhere_on_the_screen(name):
    told = text_of(SCREENS[name]())
    assert re.findall(r"(?<![\w.@])[-+]?0\.\d+", told) == []
    assert len(re.findall(r"(?<![\w.@])[-+]?\.\d+", told)) > 10


def test_a_fine_number_has_no_leading_zero_and_zero_no_sign():
    numbers = [0.624, -0.052, 0.996, -1, 12.5, -0.001, 0.0, math.nan, None]
    assert [fine(number) for number in numbers] == [".62", "-.05", "1.00", "-1.00", "12.50", ".00", ".00", "-", "-"]
    assert fine(0.0301, 3) == ".030"


def test_what_is_not_clear_among_all_backbones_is_not_called_foretold():
    # .07 of errors of .03: clear alone, not among two
    shown = predictor.screen(predictor_report(best=0.07, within=0.01))
    assert "An image alone does not clearly foretell the memorisation score at width 128" in text_of(shown)
    assert "within classes nothing is clear" in text_of(shown)
    alone = predictor_report(best=0.07, names=("resnet18",))
    assert text_of(predictor.screen(alone)).startswith("An image alone foretells part of")
    assert text_of(predictor.screen(predictor_report(with_label=True))).startswith(
        "An image and its label foretell part"
    )


def test_few_seeds_or_blocks_of_a_predictor_are_told_in_spite_of_quiet():
    shown = predictor.screen(predictor_report(seeds=2, blocks=2))
    (note,) = [note for note in shown.notes if "95 % intervals" in note.text]
    assert note.text == (
        "In brackets: 95 % intervals over images; too narrow, for want of three seeds and four blocks of models."
    )
    assert note.warns


def test_fits_that_failed_are_all_that_is_told():
    from memscope.reports.predictor import FailedFit

    failed = tuple(FailedFit(backbone="plain", seed=seed, reason="no memory") for seed in range(2))
    shown = predictor.screen(replace(predictor_report(), failed=failed))
    assert text_of(shown).startswith("Nothing was compared")
    assert "Failed twice: plain, seed 0 and 1 more fit: no memory" in text_of(shown)


def test_a_prediction_says_what_it_is_worth_and_for_which_label():
    told = text_of(prediction.screen(prediction_report()))
    assert "the memorisation score at width 128, for a typical label; .30 on average" in told
    assert (
        "was .40 (.30 to .50), of at most .80, .10 (.00 to .20) within classes; on another set it may be less." in told
    )
    assert "so it was with 3 of them" in told
    assert "brought from 64 x 64 to 32 x 32 pixels" in told
    nothing = text_of(prediction.screen(prediction_report(spearman=0.05, known=0)))
    assert "that is not clearly more than nothing" in nothing
    assert "this very image" not in nothing
    unknown = replace(prediction_report(), spearman=replace(measured(0.1), value=math.nan))
    assert "What that is worth is not known." in text_of(prediction.screen(unknown))


def test_influence_leads_with_the_pairs_of_the_largest_size_beside_what_chance_and_classes_would_show():
    shown = influence.screen(influence_report())
    told = text_of(shown)
    assert told.startswith(
        "At width 128, 1,203 pairs of a memorised training example and a test example of its class have an influence "
        "of .15 or more, where there would be 35.2 by chance, 61.0 if all of a class had the same: 310 training "
        "examples carry 402 test examples. Models that had no part in choosing these pairs measure a mean influence of "
        ".21 (.19 to .23). Width 128 leans on more single examples than width 1: +900 (+796 to +1,004) pairs "
        "beyond those by class; mean influence of 40 pairs of both together +.10 (+.06 to +.14)."
    )
    assert shown.grid.rows[-1] == ["128", "1,203", "35.2", "61.0", ".05", "310", "402", ".21 (.19 to .23)"]
    assert shown.grid.rows[0] == ["1", "35", "35.2", "61.0", "1.00", "35", "-", "-"]
    assert told.count("False is a pair without any influence") == 1
    among = text_of(influence.screen(influence_report(among="train")))
    assert "a memorised training example and another training example of its class" in among
    assert "carry 402 other training examples" in among
    assert "--among-training" in among


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"pairs": 30}, "30 pairs of"),
        (
            {"pairs": 30},
            "no more than chance would show (35.2 by chance, 61.0 if all of a class had the same); none are",
        ),
        ({"pairs": 70, "chance": 0.2}, "no more than chance would show"),
        ({"pairs": 0}, "no pair of a memorised training example and a test example of its class has an influence"),
        (
            {"pairs": 50, "by_class": 45.0},
            "or classes as a whole would show more than half (35.2 by chance, 45.0",
        ),
        ({"pairs": 70, "by_class": 75.0, "by_chance": 20.0}, "no more than chance would show (20.0 by chance, 75.0"),
        ({"pairs": 70, "by_class": 50.0, "by_chance": 20.0}, "classes as a whole would show more than half"),
    ],
)
def test_where_chance_or_classes_would_show_half_of_the_pairs_none_are_listed_and_it_says_why(given, why):
    shown = influence.screen(influence_report(**given))
    assert why in text_of(shown)
    assert "none are listed." in text_of(shown)
    assert "no part in choosing" not in text_of(shown)
    assert str(shown.commands[0]) == "memscope train-family runs/x --models 240"
    stronger = [str(one) for one in shown.commands if "--threshold" in one.words]
    assert stronger == (["memscope influence runs/x --threshold 0.3"] if given["pairs"] else [])


def test_pairs_beyond_chance_that_classes_explain_are_said_to_be_theirs():
    report = influence_report(by_class=300.0, pairs=250)
    rows = tuple(replace(row, helpful=replace(row.helpful, chance=0.001)) for row in report.sizes)
    told = text_of(influence.screen(replace(report, sizes=rows)))
    assert "no more than classes as a whole would show (35.2 by chance, 300 if all of a class had the same)" in told


def test_sizes_are_told_apart_only_where_the_interval_leaves_0_out():
    fewer = text_of(influence.screen(influence_report(change=-900.0, influence=-0.1)))
    assert "Width 128 leans on fewer single examples than width 1: -900 (-1,004 to -796) pairs" in fewer
    unclear = text_of(influence.screen(influence_report(change=60.0)))
    assert (
        "Whether width 128 leans on more or on fewer single examples than width 1 cannot be told: +60 (-44 to +164)"
    ) in unclear
    assert "leans" not in text_of(influence.screen(influence_report(sizes=(8,))))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"influence": -0.1}, "(-.14 to -.06)."),
        ({"influence": 0.01}, "(-.03 to +.05); where models are noisier more pairs pass a threshold, too."),
        ({"influence": None}, "too, and none of both sizes together are listed, whose influence would tell."),
        ({"influence": None, "among": "train"}, "too, and among training examples the influence of both sizes is not"),
    ],
)
def test_more_pairs_alone_do_not_say_that_a_size_leans_on_more_examples(given, why):
    told = text_of(influence.screen(influence_report(**given)))
    assert "cannot be told: +900" in told
    assert why in told


def test_an_example_that_was_asked_for_leads_with_what_carries_it():
    shown = influence.screen(influence_report(shown="test"))
    told = text_of(shown)
    assert told.startswith(
        "Test example 17 (b/17.png), cat: 75.0% of the models of width 128 are right on it. Below are, of 500 training "
        "examples of its class, those with the most influence on it. At width 128, 1,203 pairs"
    )
    assert shown.grid.rows[0] == "Helpful"
    assert shown.grid.rows[1] == ["a/long/fold...aphs/0.png", "100", "cat", ".50", ".40 ±.05", ".90", "<.01"]
    assert len(shown.grid.rows) == 1 + 5 + 1
    assert shown.grid.rows[-1] == "Harmful: none"
    trained = text_of(influence.screen(influence_report(shown="train")))
    assert "75.0% of the models of width 128 that were trained without it are right on it" in trained
    assert "of 500 test examples of its class, those on which it has the most influence" in trained
    assert "--train 17 --size 128 --plot" in trained  # one size of eight was asked for


def test_published_pairs_stand_beside_random_ones_and_another_order_is_warned_of():
    report = influence_report(beside=True)
    shown = influence.screen(report)
    assert (
        "Of 1,015 pairs of pairs_infl0.15_mem0.25.npz, 1,000 are of examples of this run: mean influence .12 (.10 to "
        ".14) in all models of width 128, of random pairs .00 (-.02 to .02), rank correlation with the published .55; "
        "200 are among the listed."
    ) in text_of(shown)
    assert not [note for note in shown.notes if note.warns]
    (row,) = report.beside
    odd = influence.screen(replace(report, beside=(replace(row, same_class=110),)))
    (warned,) = [note for note in odd.notes if note.warns]
    assert "Of the 1,000 pairs of this run's examples 110 are of one class here" in warned.text
    none = replace(report, beside=(replace(row, known=0, same_class=0),))
    assert "npz, 0 are of examples of this run." in text_of(influence.screen(none))


def test_a_report_tells_what_is_in_it_and_the_commands_for_what_is_not():
    found = page.screen(page_report())
    text = text_of(found)
    assert "what score and trajectories found at 8 widths from 1 to 128" in text
    assert "All 1,000 training images of x are in it." in text
    assert "Out of date: trajectories rests on other models than there are now." in text
    assert "Not possible now: proxies (no models were recorded)." in text
    assert "neighbours" not in text
    assert [str(one) for one in found.commands] == [
        "memscope trajectories runs/x",
        "memscope distill runs/x --teacher 128",
    ]
    assert "no model's weights" in text_of(page.screen(page_report(neighbours=False)))
    sampled = text_of(page.screen(page_report(shown=600)))
    assert (
        "600 of the 1,000 training images of x are in it: 600 that were drawn at random, and those with the 1,000 "
        "highest scores at width 128 and the 1,000 most disputed labels."
    ) in sampled
    damaged = page.screen(page_report(results={"score": "x.h5 is damaged", "trajectories": "current"}, not_yet={}))
    assert "Left out: score: x.h5 is damaged." in text_of(damaged)
    assert any(note.warns for note in damaged.notes)


def test_a_removal_leads_with_whether_models_do_worse_without_the_most_memorised():
    shown = removal.screen(removal_report())
    told = text_of(shown)
    assert told.startswith(
        "Without the 100 most memorised of 1,000 examples, beside as many random ones of the same classes, models are "
        "right less often at 8 widths from 1 to 128: -2.3 points (-3.4 to -1.2) at width 1. Of their labels 50 are "
        "flipped, of the random ones' 7; beside random ones with as many, of which 10% are the same "
        "examples, that cannot be told: +0.1 "
        "points (-1.0 to +1.2) at width 128."
    )
    assert "Without the least memorised no difference is clear: +0.1 points" in told
    assert "Without training examples of helpful pairs no difference is clear" in told
    assert (
        "17 test examples that the most memorised carry at width 128: -21.3 points (-35.2 to -7.4) without them, where "
        "their influence would lead one to expect -24.1."
    ) in told
    assert "Of the 100 examples of `pairs` 31 are of listed pairs" in told
    assert shown.grid.rows[0] == [
        *("1", "74.0", "74.0", "-2.3 ±0.4", "+0.1 ±0.4", "+0.1 ±0.4", "+0.1 ±0.4", "-21.3 ±5.0")
    ]


def test_a_removal_that_shows_nothing_says_so():
    # 1.0 of .4 points: beyond the interval of one size alone, which is 1.1; of eight together, 2.2
    for loss in (-0.010, -0.018):
        told = text_of(removal.screen(removal_report(loss=loss, flipped=False)))
        assert told.startswith(
            "Whether models do worse without the 100 most memorised of 1,000 examples than without as many random ones "
            "of the same classes cannot be told: "
        )
        assert "flipped" not in told
    assert "less often at width 8" in text_of(removal.screen(removal_report(sizes=(8,), loss=-0.018)))
    assert "more often at width 8: +1.8" in text_of(removal.screen(removal_report(sizes=(8,), loss=0.018)))


def test_a_removal_without_pairs_says_so_and_what_would_tell():
    shown = removal.screen(removal_report(pairs=False))
    told = text_of(shown)
    assert "they carry is not known: memscope influence had not been run when they were chosen, and a choice" in told
    assert "another --arm-seed, or delete runs/x/removal/100-at-width-8-seed-1 before." in told
    assert ("memscope", "influence", "runs/x") in [each.words for each in shown.commands]


def test_random_sets_that_are_the_most_memorised_themselves_are_told_in_spite_of_quiet():
    assert not any(note.warns for note in removal.screen(removal_report()).notes)
    (note, _) = [note for note in removal.screen(removal_report(shared=0.45)).notes if note.warns]
    assert note.text.startswith("On average 45% of a random set is among the most memorised too")


def test_where_the_flipped_are_all_memorised_there_is_no_comparison_beside_as_many():
    said = (
        "of random ones with as many 75% are among the most memorised too, so that too few flipped examples are left "
        "for a comparison with those."
    )
    shown = removal.screen(removal_report(shared=0.75))
    assert shown.findings[0].endswith(f"Of their labels 50 are flipped, of the random ones' 7; {said}")
    assert "most -\nmatched" not in shown.grid.columns
    assert not any("matched set" in note.text for note in shown.notes)
    half = removal.screen(removal_report(shared=0.5))
    assert "of which 50% are the same examples, that cannot be told: +0.1 points" in text_of(half)
    assert "most -\nmatched" in half.grid.columns
    report = peel_report(sizes=(8,))
    for shared, expected in ((0.75, said), (0.4, "of which 40% are the same examples, more are memorised at width 8")):
        arms = arms_found("runs/x", ("all", "most", "random-1", "matched-1"), True, shared)
        row = replace(report.sizes[0], share_matched=report.sizes[0].share)
        told = text_of(peel.screen(replace(report, arms=arms, sizes=(row,))))
        assert f"Of their labels 50 are flipped, of the random ones' 7; {'' if shared > 0.5 else 'beside'}" in told
        assert expected in told
        assert ("too few flipped" in told) == (shared > 0.5)


def test_whether_others_take_the_place_of_the_most_memorised():
    told = text_of(peel.screen(peel_report(blocks=1)))  # of eight sizes together the interval is some 5 errors
    assert "cannot be told: +5.0 points" in told
    clear = text_of(peel.screen(peel_report(sizes=(8,))))
    assert "others do take their place: more are memorised at width 8: +5.0 points (+1.7 to +8.3)" in clear
    assert "At width 8 that is 49.0 % beside 44.0 % of 812 examples; their mean score is .307 beside .290" in clear
    fewer = text_of(peel.screen(peel_report(sizes=(8,), more=-0.05)))
    assert "others do not take their place: fewer are memorised at width 8: -5.0 points" in fewer
    unclear = text_of(peel.screen(peel_report(sizes=(8,), more=0.02)))
    assert unclear.startswith("Whether others take the place of the 100 most memorised of 1,000 examples when those")
    assert "cannot be told: +2.0 points (-1.3 to +5.3) at width 8" in unclear
    assert "One score of 10 models has a standard error of .19" in told
    assert "One score of" not in clear


def test_models_of_arms_that_are_missing_or_failed_are_all_that_is_told():
    failed = (FailedTask(variant="onehot", size=8, first=0, count=10, replicate=0, reason="no memory"),)
    for screen, report, option in (
        (removal.screen, removal_report(), "--remove"),
        (peel.screen, peel_report(), "--peel"),
    ):
        lacking = replace(report, missing=20, options=("--size", "4"))
        shown = screen(lacking)
        assert text_of(shown).startswith(
            "Nothing was compared: 20 models of the arms are missing. When the other shards"
        )
        assert shown.commands[0].words == ("memscope", "influence", "runs/x", option, "100", "--size", "4")
        assert "run.record" in text_of(screen(replace(lacking, trainer="record")))
        told = text_of(screen(replace(lacking, failed=failed, failed_in="runs/x/removal/y/most")))
        assert "Failed twice: width 8, models 0 to 9 of runs/x/removal/y/most: no memory" in told


def test_what_arms_will_take_is_told_before_they_are_trained():
    told = text_of(removal_forecast.screen(arms_forecast(sizes=(4, 8))))
    assert told.startswith(
        "260 models are to be trained in 9 arms (all, most, least, pairs and 5 random), 40 of each width in each. At "
        "the pace of those that are there, that is about 65 s with 2 workers, beside some seconds an arm to start. "
        "They take at most 33.2 MB of disk, 29.6 MB of it images that may be deleted."
    )
    assert "Of those of `pairs` 31 are training examples of listed pairs." in told
    assert text_of(removal_forecast.screen(arms_forecast(models=0))).startswith(
        "Nothing is left to train: the models of 9"
    )
    unknown = replace(arms_forecast(), seconds=math.nan)
    assert "How long that takes is not known" in removal_forecast.ahead(unknown)


def test_attacks_that_find_something_are_told_beside_the_loss():
    told = text_of(privacy.screen(privacy_report()))
    assert "At width 128 LiRA finds 24% (19% to 29%) of a model's training examples at .1% false positives." in told
    assert "A threshold on the loss finds .10%" in told
    assert "Width 128 is more vulnerable than width 1: +20.0 points (+18.0 to +22.0) at .1% false positives." in told
    assert "increasing examples are found most: 60% (58% to 62%) of them, where 24% of all are" in told
    assert "What rises in memorisation rises in vulnerability: rank correlation .40 (.36 to .44)" in told
    assert "not distributed" not in told


def test_what_attacks_do_not_clearly_find_is_not_told_as_found():
    report = privacy_report(lira=0.001, change=0.005, correlation=0.03, typed=0.01)
    told = text_of(privacy.screen(report))
    assert "At width 128 it cannot be told whether LiRA tells training examples from others (area " in told
    assert "Whether width 128 is more vulnerable than width 1 cannot be told: +0.5 points" in told
    assert "found most" not in told
    assert "rises in vulnerability cannot be told: rank correlation .03 (-.01 to .07)" in told
    assert "less vulnerable than width 1" in text_of(privacy.screen(privacy_report(change=-0.2)))
    few = text_of(privacy.screen(privacy_report(told=False)))
    assert "too few non-members are beyond any threshold" in few
    assert "No single example is flagged" in few


def test_a_tail_that_is_twice_too_thin_is_told_of():
    low = text_of(privacy.screen(privacy_report(below=0.01)))
    assert "1.0% in place of 5% lie in the lowest twentieth of what is believed" in low
    assert "not distributed" not in text_of(privacy.screen(privacy_report(below=0.03)))


def test_students_are_told_apart_where_the_paired_interval_leaves_out_nothing():
    settings = [("teacher-64-t4-w0.9", -0.03), ("teacher-64-t2-w0.9", 0.001)]
    told = text_of(privacy.screen(privacy_report(sizes=EIGHT[:3], students=settings)))
    assert "students of width 1 (teacher-64-t4-w0.9) are less vulnerable than one-hot models: 2.0% against 5.0%" in (
        told.replace("Students", "students")
    )
    assert "Whether students of width 1 (teacher-64-t2-w0.9) are more or less vulnerable" in told
