"""`memscope influence`: pairs that a made-up learner has are found, with the influence that the ledger says."""

import csv
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import memscope.steps.influence as step
from memscope.errors import OptionError, RunError
from memscope.findings.influence import screen
from memscope.plan.plan_file import plan_to_toml
from memscope.reports.influence import InfluenceReport
from memscope.reports.keys import keys_of, report_of
from memscope.run import open_run
from memscope.steps.influence import draw_influence_figures, influence
from memscope.steps.status import status
from memscope.steps.train_family import train_family
from memscope.store.ledger import Outcome, Task, outcome_path, read_outcome, state_for, write_outcome
from memscope.store.pairs_file import Pairs, read_pairs, write_pairs
from memscope.store.results import read_results
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

INLINE = WorkOptions(engine="inline")
CLASSES, TRAIN, TEST, MODELS = 4, 200, 40, 100
HELPED, HARMED = range(20), range(30, 34)
"""Test examples that the training examples of the same numbers help, or harm, at width 4; nothing does at width 2"""
AMONG = range(20)
"""Training examples on which models that were not trained on 100 more are right just if they were trained on these"""
STRONG = {"threshold": 0.5}


def learn(path: Path, npz: Path, models: int = MODELS, one_by_one: bool = False) -> Path:
    """A run of models that remember what they are trained on, and of which some carry others.

    They are put in with `run.record`, or, which is the same but for the number of files, a block in a file.
    """
    random = np.random.default_rng(0)
    choices = Choices(data=f"npz:{npz}", trainer="record", widths=(2, 4), models=models)
    train_family(path, choices, INLINE)
    if not one_by_one:
        plan = replace(open_run(path).plan, unit=10)
        (path / "plan.toml").write_bytes(plan_to_toml(plan))
    run = open_run(path)
    labels = np.concatenate([run.examples.labels, run.examples.test_labels])
    for size in (2, 4):
        for first in range(0, models, 10):
            inside = np.stack([run.subset(model) for model in range(first, first + 10)])
            right_train = inside | (random.random(inside.shape) < 0.4)
            chance = np.full((10, TEST), 0.7)
            if size == 4:
                for one in (*HELPED, *HARMED):
                    chance[:, one] = np.where(inside[:, one] == (one in HELPED), 0.95, 0.15)
                for one in AMONG:
                    right_train[:, 100 + one] = inside[:, 100 + one] | inside[:, one]
            right = np.concatenate([right_train, random.random(chance.shape) < chance], axis=1)
            classes = np.where(right, labels, (labels + 1) % CLASSES)
            if one_by_one:
                for model in range(10):
                    run.record(size, first + model, classes[model])
            else:
                task = Task("onehot", size, first, 10)
                write_outcome(path, run.plan, task, outcome_of(inside, classes))
    return path


def outcome_of(inside: np.ndarray, classes: np.ndarray) -> Outcome:
    count, unknown = len(inside), np.full(classes.shape, np.nan, np.float16)
    return Outcome(
        in_subset=inside,
        predicted_train=classes[:, :TRAIN],
        predicted_test=classes[:, TRAIN:],
        log_odds_train=unknown[:, :TRAIN],
        log_odds_test=unknown[:, TRAIN:],
        epoch_loss=np.full((count, 1), np.nan),
        own_accuracy=np.ones(count),
        diverged=np.zeros(count, dtype=bool),
        seconds=np.ones(count),
        made_by={},
    )


@pytest.fixture(scope="module")
def npz(tmp_path_factory) -> Path:
    return some_examples(tmp_path_factory.mktemp("data") / "set.npz")


def some_examples(path: Path) -> Path:
    """Examples whose positions in the source are not those in the run."""
    random = np.random.default_rng(1)
    arrays = {}
    for part, count in (("train", TRAIN), ("test", TEST)):
        arrays[f"{part}_images"] = random.integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
        arrays[f"{part}_labels"] = np.arange(count) % CLASSES
        arrays[f"{part}_index"] = np.arange(count)[::-1] * 3
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def learnt(npz, tmp_path_factory) -> Path:
    """Tests must not change it."""
    return learn(tmp_path_factory.mktemp("learnt") / "run", npz)


@pytest.fixture
def run(learnt, tmp_path) -> Path:
    shutil.copytree(learnt, tmp_path / "run")
    return tmp_path / "run"


LEDGERS: dict[int, tuple[np.ndarray, ...]] = {}
"""Of the run `learnt`, by size; all others are copies of it"""


def whole_ledger(path: Path, size: int) -> tuple[np.ndarray, ...]:
    """Subsets, and what is right of the test and training examples, of all models."""
    if size not in LEDGERS:
        run = open_run(path)
        outcomes = [outcome for _, outcome in run.outcomes(size)]
        LEDGERS[size] = (
            np.concatenate([one.in_subset for one in outcomes]),
            np.concatenate([one.predicted_test for one in outcomes]) == run.examples.test_labels,
            np.concatenate([one.predicted_train for one in outcomes]) == run.examples.labels,
        )
    return LEDGERS[size]


class Told:
    """What the models of some blocks say, by plain sums over the ledger."""

    def __init__(self, path: Path, size: int, blocks: tuple[int, ...]) -> None:
        self.inside, self.right, self.right_train = (
            np.concatenate([values[10 * block : 10 * block + 10] for block in blocks])
            for values in whole_ledger(path, size)
        )

    def influence(self, train: int, test: int) -> float:
        inside = self.inside[:, train]
        return self.right[inside, test].mean() - self.right[~inside, test].mean()

    def among_training(self, train: int, other: int) -> float:
        without = ~self.inside[:, other]
        inside, right = self.inside[without, train], self.right_train[without, other]
        return right[inside].mean() - right[~inside].mean()

    def memorisation(self, train: int) -> float:
        inside = self.inside[:, train]
        return self.right_train[inside, train].mean() - self.right_train[~inside, train].mean()


MEMORISED, CHOOSING, TELLING = (0, 6), (1, 2, 4, 5, 7, 8), (3, 9)


def stored(path: Path, group: str = "influence") -> dict[str, np.ndarray]:
    return read_results(path, group, open_run(path).plan)[0]


def test_planted_pairs_are_found_with_the_influence_that_other_models_have(run):
    found = influence(run, **STRONG)
    nothing, row = found.sizes
    assert (found.blocks_memorised, found.blocks_choosing, found.blocks_telling) == (MEMORISED, CHOOSING, TELLING)
    assert (row.size, row.models, row.left_out) == (4, 60, 0)
    assert not nothing.helpful.listed
    assert row.helpful.listed
    values = stored(run)
    pairs = list(zip(values["train_example"].tolist(), values["test_example"].tolist(), strict=True))
    helpful = [pair for pair, chosen in zip(pairs, values["chosen_by"], strict=True) if chosen > 0]
    memorised = [one for one in HELPED if Told(run, 4, MEMORISED).memorisation(one) >= 0.25]
    planted = {(one, one) for one in memorised}
    assert len(planted) > 12
    assert len(planted & set(helpful)) >= len(planted) - 2
    assert len(set(helpful) - planted) <= 3 * row.helpful.by_chance + 5
    harmful = set(pairs) - set(helpful)
    assert harmful >= {(one, one) for one in HARMED if Told(run, 4, MEMORISED).memorisation(one) >= 0.25}
    choosing, telling, others = (Told(run, 4, blocks) for blocks in (CHOOSING, TELLING, CHOOSING + TELLING))
    for place, (train, test) in enumerate(pairs):
        assert values["chosen_by"][place] == pytest.approx(choosing.influence(train, test), abs=1e-6)
        assert values["influence"][place] == pytest.approx(telling.influence(train, test), abs=1e-6)
        assert values["memorisation"][place] == pytest.approx(others.memorisation(train), abs=1e-6)
    assert set(values["pair_size"].tolist()) == {4}
    mean = values["influence"][: len(helpful)].mean()
    assert row.helpful.measured_anew.value == pytest.approx(mean, abs=1e-6)
    assert row.helpful.measured_anew.low < 0.8 < row.helpful.measured_anew.high
    assert (row.helpful.train_examples, row.helpful.test_examples) == tuple(
        len({pair[side] for pair in helpful}) for side in (0, 1)
    )
    told = screen(found).findings
    assert told[0].startswith(f"At width 4, {len(helpful)} pairs of a memorised training example and a test example")
    assert told[1].startswith("Width 4 leans on more single examples than width 2")


def test_models_that_are_put_in_one_by_one_tell_the_same(run, npz, tmp_path):
    recorded = learn(tmp_path / "recorded", npz, one_by_one=True)
    found = influence(recorded, **STRONG)
    assert keys_of(replace(found, run=str(run))) == keys_of(influence(run, **STRONG))
    assert "run.record" not in " ".join(map(str, screen(found).commands))
    few = screen(influence(recorded))  # at a threshold that chance reaches
    assert "put in with run.record, are planned by" in few.commands[0].what_for


def test_where_nothing_carries_anything_no_pairs_are_listed(npz, tmp_path, learnt):
    shutil.copytree(learnt, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "outcomes" / "onehot" / "width-4")
    found = influence(tmp_path / "run", threshold=0.3)  # of one size alone
    (row,) = found.sizes
    spread = 5 * max(row.helpful.by_chance_sd, np.sqrt(row.helpful.by_chance))
    assert abs(row.helpful.pairs - row.helpful.by_chance) < spread
    assert found.changes == ()
    assert not row.helpful.listed
    assert not row.harmful.listed
    assert len(stored(tmp_path / "run")["influence"]) == 0
    told = screen(found)
    assert "no more than chance would show" in told.findings[0]
    assert told.findings[0].endswith("none are listed.")
    assert "--models" in str(told.commands[0])


def test_what_was_found_is_stored_and_current(run):
    found = influence(run, **STRONG)
    values, ledger, summary = read_results(run, "influence", open_run(run).plan)
    assert keys_of(report_of(InfluenceReport, summary)) == keys_of(found)
    assert ledger == state_for(run, open_run(run).plan, step.RESULTS)
    assert values["memorised"].sum(1).tolist() == [row.memorised for row in found.sizes]
    assert status(run).results["influence"] == "current"
    assert status(run).results["influence-training"] == "missing"
    assert "influence" not in status(run).not_yet


def test_stored_pairs_serve_for_more_if_settings_and_models_are_the_same(run, monkeypatch, tmp_path):
    found, searched = influence(run, **STRONG), []
    real = step.search
    monkeypatch.setattr(step, "search", lambda *given: searched.append(given) or real(*given))
    assert influence(run, **STRONG, test=3).sizes == found.sizes
    influence(run, **STRONG, csv_file=tmp_path / "a.csv")
    assert not searched
    influence(run, **STRONG)  # asked for alone, it is searched: whoever upgrades memscope sees the new numbers
    influence(run, threshold=0.6, test=3)
    influence(run, **STRONG, memorised=0.3, test=3)
    influence(run, **STRONG, all_classes=True, test=3)
    assert len(searched) == 4
    influence(run, **STRONG, train=3, among_training=True)
    assert len(searched) == 5
    influence(run, **STRONG)
    (run / "results" / "influence.h5").write_bytes(b"damaged")
    influence(run, **STRONG, test=3)
    assert len(searched) == 7
    plan = open_run(run).plan
    (_, outcome), *_ = open_run(run).outcomes(4)
    write_outcome(run, plan, Task("onehot", 4, MODELS, 10), outcome)
    influence(run, **STRONG, test=3)
    assert len(searched) == 8


def test_one_test_example_is_told_of_with_those_that_carry_it(run):
    found = influence(run, **STRONG, test=3)
    assert [each.size for each in found.shown] == [2, 4]
    one = found.shown[-1]
    choosing, telling, others = (Told(run, 4, blocks) for blocks in (CHOOSING, TELLING, CHOOSING + TELLING))
    assert (one.size, one.part, one.example, one.index, one.name, one.label) == (4, "test", 3, 108, None, "3")
    assert one.accuracy == pytest.approx(Told(run, 4, tuple(range(10))).right[:, 3].mean())
    same = range(3, TRAIN, CLASSES)
    assert one.looked_at == len(same)
    expected = sorted(same, key=lambda train: -choosing.influence(train, 3))
    assert [carrier.example for carrier in one.helpful][:2] == expected[:2]
    assert one.helpful[0].example == 3
    assert {carrier.example for carrier in one.harmful} <= {each for each in same if choosing.influence(each, 3) < 0}
    for carrier in (*one.helpful, *one.harmful):
        assert carrier.index == 3 * (TRAIN - 1 - carrier.example)
        assert carrier.chosen_by == pytest.approx(choosing.influence(carrier.example, 3))
        assert carrier.influence == pytest.approx(telling.influence(carrier.example, 3))
        assert carrier.memorised == pytest.approx(others.memorisation(carrier.example))
    # the one that was planted is beyond what chance shows of 50 examples, and the tenth is not
    assert one.helpful[0].by_chance < 0.05 < 1 < one.helpful[-1].by_chance
    (few,) = influence(run, **STRONG, test=3, size=2).shown
    assert few.size == 2
    assert influence(run, **STRONG, all_classes=True, test=3).shown[0].looked_at == TRAIN


def test_one_training_example_is_told_of_with_what_it_carries(run):
    _, one = influence(run, **STRONG, train=3).shown
    choosing = Told(run, 4, CHOOSING)
    assert (one.part, one.example, one.looked_at) == ("train", 3, TEST // CLASSES)
    everything = Told(run, 4, tuple(range(10)))
    assert one.accuracy == pytest.approx(everything.right_train[~everything.inside[:, 3], 3].mean())
    assert one.helpful[0].example == 3
    assert one.helpful[0].index == 3 * (TEST - 1 - 3)
    for carrier in (*one.helpful, *one.harmful):
        assert carrier.chosen_by == pytest.approx(choosing.influence(3, carrier.example))
        assert carrier.memorised == pytest.approx(Told(run, 4, CHOOSING + TELLING).memorisation(3))
    (harmful,) = influence(run, **STRONG, train=31, size=4).shown
    assert harmful.harmful[0].example == 31


def test_among_training_only_models_without_the_second_example_count(run):
    found = influence(run, threshold=0.95, among_training=True)
    row = found.sizes[1]
    assert (found.among, found.targets) == ("train", TRAIN)
    values = stored(run, "influence-training")
    pairs = set(zip(values["train_example"].tolist(), values["test_example"].tolist(), strict=True))
    planted = {(one, 100 + one) for one in AMONG if Told(run, 4, MEMORISED).memorisation(one) >= 0.25}
    assert pairs >= planted
    assert len(pairs - planted) <= 5 * row.helpful.by_chance + 5
    assert all(one != other for one, other in pairs)
    choosing = Told(run, 4, CHOOSING)
    for place, (train, other) in enumerate(zip(values["train_example"], values["test_example"], strict=True)):
        assert values["chosen_by"][place] == pytest.approx(choosing.among_training(train, other), abs=1e-6)
    _, one = influence(run, threshold=0.95, among_training=True, train=4).shown
    assert (one.helpful[0].example, one.looked_at) == (104, TRAIN // CLASSES - 1)
    assert not (run / "results" / "influence.h5").exists()
    assert status(run).results["influence-training"] == "current"


def test_pairs_are_exported_as_they_are_stored(run, tmp_path):
    found = influence(run, **STRONG, csv_file=tmp_path / "a.csv", npz_file=tmp_path / "a.npz")
    values = stored(run)
    with open(tmp_path / "a.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(values["influence"])
    for place, row in enumerate(rows):
        assert (row["width"], row["train_name"]) == ("4", "")
        assert row["direction"] == ("helpful" if float(row["chosen_by"]) > 0 else "harmful")
        for part, count in (("train", TRAIN), ("test", TEST)):
            example = values[f"{part}_example"][place]
            assert int(row[f"{part}_example"]) == example
            assert int(row[f"{part}_index"]) == 3 * (count - 1 - example)
            assert int(row[f"{part}_label"]) == example % CLASSES
        for name in ("influence", "standard_error", "chosen_by", "memorisation", "false_share"):
            assert float(row[name]) == pytest.approx(values[name][place], rel=1e-5)
    pairs = read_pairs(tmp_path / "a.npz")
    helpful = values["chosen_by"] > 0
    assert pairs.size == 4
    assert pairs.train.tolist() == (3 * (TRAIN - 1 - values["train_example"][helpful])).tolist()
    assert pairs.test.tolist() == (3 * (TEST - 1 - values["test_example"][helpful])).tolist()
    assert pairs.influence == pytest.approx(values["influence"][helpful])
    assert [line.split(": ")[1] for line in found.written] == [
        f"a row for every one of {len(rows)} pairs",
        f"{helpful.sum()} helpful pairs of width 4",
    ]
    influence(run, **STRONG, npz_file=tmp_path / "none.npz", size=2)
    assert len(read_pairs(tmp_path / "none.npz").train) == 0


def test_published_pairs_are_looked_up_by_their_positions_in_the_source(run, tmp_path):
    train = np.array([*HELPED, 4, 999])  # positions in the run, and one that is not in it
    test = np.array([*HELPED, 5, 0])
    theirs = np.array([0.8] * 10 + [0.2] * 12)
    pairs = Pairs(3 * (TRAIN - 1 - train[:-1]), 3 * (TEST - 1 - test[:-1]), theirs[:-1], theirs[:-1])
    pairs = replace(pairs, **{name: np.append(getattr(pairs, name), 1) for name in ("train", "test")})
    pairs = replace(pairs, influence=theirs, memorisation=theirs)
    write_pairs(tmp_path / "theirs.npz", pairs)
    found = influence(run, **STRONG, beside=tmp_path / "theirs.npz")
    nothing, row = found.beside
    assert (row.size, row.pairs, row.known, row.same_class) == (4, 22, 21, 20)
    everything = Told(run, 4, tuple(range(10)))
    ours = [everything.influence(one, other) for one, other in zip(train[:-1], test[:-1], strict=True)]
    assert row.influence.value == pytest.approx(np.mean(ours))
    by_block = [
        np.mean([Told(run, 4, (block,)).influence(*pair) for pair in zip(train[:-1], test[:-1], strict=True)])
        for block in range(10)
    ]
    reach = 2.2622 * np.std(by_block, ddof=1) / np.sqrt(10)  # t of 9 degrees of freedom
    assert row.influence.high - row.influence.value == pytest.approx(reach, rel=1e-3)
    assert row.influence.low > 0.6
    assert abs(row.random.value) < 0.15
    assert abs(nothing.influence.value) < 0.15
    values = stored(run)
    listed = set(zip(values["train_example"].tolist(), values["test_example"].tolist(), strict=True))
    assert row.among_found == len(listed & {(one, one) for one in HELPED})
    warned = [note for note in screen(found).notes if "20 are of one class here" in note.text]
    assert len(warned) == 1


WRONG = [
    ({"test": 1, "train": 1}, OptionError, "give one of them"),
    ({"test": 40}, OptionError, "--test is 40, expected the position of a test example in .*, 0 to 39"),
    ({"train": -1}, OptionError, "--train is -1, expected the position of a train example in .*, 0 to 199"),
    ({"test": 1, "among_training": True}, OptionError, "--among-training looks at none"),
    ({"size": 3}, OptionError, r"--size is 3, no width of .* it has \[2, 4\]"),
    ({"threshold": 0.0}, OptionError, "--threshold is 0; it must be above 0"),
    ({"memorised": 1.5}, OptionError, "--memorised is 1.5"),
    ({"csv_safe": True}, OptionError, "add --csv FILE"),
]


@pytest.mark.parametrize(("options", "error", "says"), WRONG)
def test_what_cannot_be_asked_for_is_told_before_anything_is_done(learnt, options, error, says):
    with pytest.raises(error, match=says):
        influence(learnt, **options)
    assert not (learnt / "results").exists()


def test_pairs_of_test_examples_are_not_looked_up_among_training(learnt, tmp_path):
    nothing = np.zeros(0, dtype=np.int64)
    write_pairs(tmp_path / "theirs.npz", Pairs(nothing, nothing, np.zeros(0), np.zeros(0)))
    with pytest.raises(OptionError, match="leave --among-training out"):
        influence(learnt, among_training=True, beside=tmp_path / "theirs.npz")


def test_fewer_than_four_whole_blocks_are_too_few_and_the_command_for_more_is_named(run, npz, tmp_path):
    few = learn(tmp_path / "few", npz, models=30)
    with pytest.raises(RunError, match=r"needs 4 whole blocks .* at any width; .* train-family \S+ --models 40$"):
        influence(few)
    assert "four whole blocks of 10 models" in status(few).not_yet["influence"]
    with pytest.raises(RunError, match=r"needs 10 whole blocks .*there are 3.* --models 100$"):
        influence(few, among_training=True)
    assert "ten whole blocks of 10 models" in status(few).not_yet["influence-training"]
    plan = open_run(run).plan
    for first in range(0, 70, 10):
        outcome_path(run, plan, Task("onehot", 2, first, 10)).unlink()
    with pytest.raises(RunError, match=r"there are 3, .* --models 100$"):  # those that are planned and missing
        influence(run)
    task = Task("onehot", 2, 70, 10)
    outcome = read_outcome(run, plan, task)
    for first in range(0, 40, 10):
        lost = first == 0
        write_outcome(
            run, plan, replace(task, first=first), replace(outcome_at(run, first), diverged=np.full(10, lost))
        )
    assert influence(run, **STRONG).sizes  # six are whole, and one of the first has diverged
    assert outcome.diverged.sum() == 0


def outcome_at(run: Path, first: int) -> Outcome:
    """Of the models from this one on, at the other width."""
    return read_outcome(run, open_run(run).plan, Task("onehot", 4, first, 10))


def test_a_size_is_asked_for_with_what_has_one(run):
    with pytest.raises(OptionError, match="--size is that of --test, --train or --npz"):
        influence(run, size=4)


def test_a_model_that_diverged_takes_its_block_out_of_every_size_and_that_is_told(run):
    plan, task = open_run(run).plan, Task("onehot", 2, 40, 10)
    outcome = read_outcome(run, plan, task)
    write_outcome(run, plan, task, replace(outcome, diverged=np.arange(10) == 5))
    found = influence(run, **STRONG)
    assert found.blocks_choosing == (1, 2, 5, 6, 8, 9)  # the others have its place
    assert [(row.models, row.left_out) for row in found.sizes] == [(60, 10), (60, 10)]
    assert any("Left out: 20 models" in note.text and note.warns for note in screen(found).notes)


def test_figures_are_drawn_of_what_was_found(run, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    seen = []
    fake = ModuleType("memscope.plots.influence.figures")

    def figures(opened, values, report):
        seen.append((opened.path, len(values["influence"]), report.shown))
        yield "influence", Figure()

    fake.figures = figures
    monkeypatch.setitem(sys.modules, "memscope.plots.influence.figures", fake)
    found = influence(run, **STRONG, test=3, plot=tmp_path / "figures")
    assert found.figures == (str(tmp_path / "figures" / "influence.png"),)
    assert [path.name for path in draw_influence_figures(run, tmp_path / "again")] == ["influence.png"]
    assert [(path, pairs, shown is None) for path, pairs, shown in seen] == [
        (run, len(stored(run)["influence"]), False),
        (run, len(stored(run)["influence"]), True),
    ]
