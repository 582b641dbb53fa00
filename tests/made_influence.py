"""Results of `memscope influence` that were drawn, and put into a run: what figures and the page are tested with."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from memscope.reports.influence import Carrier, InfluenceReport, PairsFound, ShownExample, SizeChange, SizeInfluence
from memscope.reports.keys import keys_of
from memscope.reports.ranged import UNKNOWN, Ranged
from memscope.reports.results import RESULTS
from memscope.run import open_run
from memscope.store.ledger import state_for
from memscope.store.results import write_results

Values = dict[str, np.ndarray]


def ranged(value: float, error: float) -> Ranged:
    return Ranged(value=value, low=value - 2 * error, high=value + 2 * error, error=error, degrees=20)


def found(pairs: int, by_chance: float, by_class: float, **changes: object) -> PairsFound:
    """Pairs of one size in one direction; they are listed where chance or class explain at most half of them."""
    share = min(1.0, max(by_chance, by_class) / pairs) if pairs else float("nan")
    told = PairsFound(
        pairs=pairs,
        by_chance=by_chance,
        by_chance_sd=0.1 * by_chance,
        by_class=by_class,
        chance=0.05,
        false_share=share,
        listed=share <= 0.5,
        train_examples=0,
        test_examples=0,
        measured_anew=ranged(0.21, 0.02) if pairs else UNKNOWN,
    )
    return replace(told, **changes)


def a_report(
    sizes: tuple[int, ...] = (2, 4, 8),
    axis: str = "width",
    pairs: tuple[int, ...] = (),
    by_class: float = 20.0,
    among: str = "test",
    **changes: object,
) -> InfluenceReport:
    """With so many helpful pairs at each size; an eighth as many harmful ones, of which chance explains all."""
    numbers = pairs or tuple(20 + 60 * place for place in range(len(sizes)))
    rows = tuple(
        SizeInfluence(
            size=size,
            models=20,
            memorised=10 + place,
            helpful=found(number, 0.8 * by_class, by_class),
            harmful=found(number // 8, number / 8, number / 8),
        )
        for place, (size, number) in enumerate(zip(sizes, numbers, strict=True))
    )
    steps = [
        *zip(range(len(rows)), range(1, len(rows)), strict=False),
        *([(0, len(rows) - 1)] if len(rows) > 2 else []),
    ]
    report = InfluenceReport(
        run="elsewhere/then",
        axis=axis,
        data="folder:images",
        family="cnn",
        fraction=0.7,
        among=among,
        threshold=0.15,
        memorised=0.25,
        all_classes=False,
        examples=120,
        targets=40,
        blocks_memorised=(0,),
        blocks_choosing=(1, 2),
        blocks_telling=(3,),
        sizes=rows,
        changes=tuple(
            SizeChange(
                smaller=rows[one].size,
                larger=rows[other].size,
                change=ranged(numbers[other] - numbers[one], 12.0),
            )
            for one, other in steps
        ),
    )
    return replace(report, **changes)


def drawn(path: Path, report: InfluenceReport, seed: int = 0) -> tuple[InfluenceReport, Values]:
    """The report with pairs of the run's own examples, as many as it says where they are listed, and these pairs."""
    examples, random = open_run(path).examples, np.random.default_rng(seed)
    targets = examples.labels if report.among == "train" else examples.test_labels
    total = len(examples.labels)
    memorised = np.zeros((len(report.sizes), total), dtype=bool)
    parts: list[dict[str, np.ndarray]] = []
    rows = []
    for place, row in enumerate(report.sizes):
        some = np.sort(random.permutation(total)[: row.memorised])
        memorised[place, some] = True
        there = {}
        for way, sign in (("helpful", 1), ("harmful", -1)):
            told = getattr(row, way)
            same = np.argwhere(examples.labels[some][:, None] == targets[None, :])
            same = same[some[same[:, 0]] != same[:, 1]] if report.among == "train" else same
            weight = 0.8 ** same[:, 0]  # some carry much more than others
            number = min(told.pairs, len(same)) if told.listed else 0
            chosen = np.sort(random.choice(len(same), number, replace=False, p=weight / weight.sum()))
            train, test = some[same[chosen, 0]], same[chosen, 1]
            by = 0.15 + random.exponential(0.12, number)
            parts.append(
                {
                    "pair_size": np.full(number, row.size),
                    "train_example": train,
                    "test_example": test,
                    "influence": sign * (0.8 * by + random.normal(0, 0.05, number)),
                    "standard_error": random.uniform(0.04, 0.09, number),
                    "chosen_by": sign * by,
                    "memorisation": random.uniform(0.3, 0.95, total)[train],
                    "false_share": np.full(number, told.false_share),
                }
            )
            counts = {"train_examples": len(set(train.tolist())), "test_examples": len(set(test.tolist()))}
            there[way] = replace(told, **counts, **({"pairs": number} if told.listed else {}))
        rows.append(replace(row, **there))
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    for name in ("influence", "standard_error"):
        values[name][3::11] = np.nan  # models that have no part in the choice may not tell it
    values |= {"size": np.array([row.size for row in rows]), "example": np.arange(total), "memorised": memorised}
    return replace(report, sizes=tuple(rows), examples=total, targets=len(targets)), values


def put_into(path: Path, report: InfluenceReport, seed: int = 0) -> tuple[InfluenceReport, Values]:
    """Write them as the results of the run: as the command does, without an example that was asked for."""
    run = open_run(path)
    report, values = drawn(path, report, seed)
    group = "influence-training" if report.among == "train" else "influence"
    state = state_for(path, run.plan, RESULTS[group])
    write_results(path, run.plan, group, dict(values), state, keys_of(replace(report, shown=None), stored=True))
    return report, values


def shown_of(path: Path, report: InfluenceReport, part: str = "test", each: int = 6) -> tuple[ShownExample, ...]:
    """An example of the run with as many others in each direction, by size."""
    examples, random = open_run(path).examples, np.random.default_rng(3)
    own, others = (examples.test_labels, examples.labels) if part == "test" else (examples.labels, examples.test_labels)
    if report.among == "train":
        own = others = examples.labels
    example = 7
    members = np.flatnonzero(others == own[example])

    def carriers(sign: int) -> tuple[Carrier, ...]:
        strength = np.sort(random.exponential(0.1, each))[::-1]
        return tuple(
            Carrier(
                example=int(position),
                index=int(position),
                name=None,
                label=examples.class_names[others[position]],
                chosen_by=sign * (0.1 + float(value)),
                influence=sign * float(value),
                standard_error=0.06,
                memorised=0.5,
                by_chance=3.2,
            )
            for position, value in zip(random.permutation(members)[:each], strength, strict=False)
        )

    return tuple(
        ShownExample(
            size=row.size,
            part=part,
            example=example,
            index=example,
            name=None,
            label=examples.class_names[own[example]],
            accuracy=0.2 + 0.5 * place / len(report.sizes),
            looked_at=len(members),
            helpful=carriers(1),
            harmful=carriers(-1),
        )
        for place, row in enumerate(report.sizes)
    )
