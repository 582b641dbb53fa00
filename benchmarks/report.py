"""How large is the report of 50,000 examples at eight sizes, and what of it takes how much?

    python -m benchmarks.report --data folder:DIRECTORY [--examples 50000] [--sizes 8] [--models 20] [--keep RUN]

The images are real, the outcomes synthetic: a model of size w that was trained on an example is right on it the more
surely the larger w, one that was not has a chance that differs between examples. They go through the ledger, `score`
and `trajectories`. Results of `resmem`, `distill` and `proxies`, which would need trained networks, are drawn: all
proxies, whose numbers are as hard to compress as real ones. So are neighbours.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from memscope.analysis.proxies.catalogue import PROXIES
from memscope.commands import Choices, score, train_family, trajectories
from memscope.page.columns import squeezed
from memscope.page.data import gather
from memscope.page.document import document
from memscope.page.neighbours import COUNT, Neighbours
from memscope.reports.distill import RESULTS as DISTILL
from memscope.reports.distill import DistillReport
from memscope.reports.keys import keys_of
from memscope.reports.proxies import RESULTS as PROXY
from memscope.reports.proxies import ProxiesReport
from memscope.reports.resmem import RESULTS as RESMEM
from memscope.reports.resmem import HyperparameterGrid, ResmemReport
from memscope.run import Run, open_run
from memscope.store.ledger import state_for
from memscope.store.results import write_results

LIMIT = 20e6
"""Bytes of a report of 50,000 examples at eight sizes"""


def made_run(path: Path, spec: str, examples: int | None, sizes: int, models: int) -> Run:
    """A run of synthetic outcomes on real images."""
    widths = tuple(2**power for power in range(sizes))
    choices = Choices(data=spec, examples=examples, label_noise=0.1, trainer="record", widths=widths, models=models)
    train_family(path, choices)
    run = open_run(path)
    random = np.random.default_rng(0)
    labels, classes = run.examples.labels, len(run.examples.class_names)
    count, test = len(labels), len(run.examples.test_labels)
    ease = random.beta(2, 1, count)  # of being right without having seen the example
    for place, size in enumerate(widths):
        capacity = (place + 1) / sizes
        seen, unseen = 0.5 * ease + 0.5 * capacity, ease * (0.5 + 0.5 * capacity)
        for model in range(models):
            chance = np.where(run.subset(model), np.maximum(seen, unseen), unseen)
            wrong = (labels + random.integers(1, classes, count)) % classes
            predicted = np.where(random.random(count) < chance, labels, wrong)
            odds = np.log(chance / (1 - chance) + 1e-3) + random.normal(0, 1, count)
            run.record(
                size,
                model,
                np.concatenate([predicted, random.integers(0, classes, test)]),
                np.concatenate([odds, np.zeros(test)]),
            )
    return run


def drawn_results(run: Run) -> None:
    """Results that need networks, drawn."""
    random, plan = np.random.default_rng(1), run.plan
    count, sizes = len(run.examples.labels), np.array(plan.sizes)
    shape = (len(sizes), count)
    shared: dict[str, Any] = {"run": str(run.path), "axis": plan.axis, "examples": count, "epsilon": 0.2}
    shared |= {"flipped": None}
    about = {"fraction": plan.fraction, "data": plan.data.spec, "family": plan.learner}
    grid = HyperparameterGrid(k=(10,), sigma=(1.0,), temperature=(1.0,))
    for name, kept, report, values in (
        (
            "resmem",
            RESMEM,
            ResmemReport(
                **shared, **about, normalise="none", metric="euclidean", index="exact", reserved_block=0, grid=grid
            ),
            {"residual_in": random.beta(1, 3, shape) * 2**0.5},
        ),
        (
            "distill",
            DISTILL,
            DistillReport(**shared, **about, augment="none", settings=()),
            {
                "setting": ["teacher-128-t4-w0.9"],
                "score": random.binomial(14, 0.3, (1, *shape)) / 14 - random.binomial(6, 0.2, (1, *shape)) / 6,
                "onehot_score": np.zeros((1, *shape)),
            },
        ),
        (
            "proxies",
            PROXY,
            ProxiesReport(**shared, recorded=10, on="subsets", score_models=plan.models, score_blocks=2),
            {"proxy": list(PROXIES), "value": random.gamma(2, 1, (len(PROXIES), *shape))},
        ),
    ):
        arrays: dict[str, Any] = {"size": sizes, "example": np.arange(count)}
        for field, drawn in values.items():
            arrays[field] = drawn.astype(np.float32) if isinstance(drawn, np.ndarray) else drawn
        write_results(run.path, plan, name, arrays, state_for(run.path, plan, kept), keys_of(report))


def drawn_neighbours(run: Run, shown: np.ndarray, *_: Any) -> Neighbours:
    """Neighbours drawn at random, which nothing can compress."""
    near = np.random.default_rng(2).integers(0, len(shown), (COUNT, len(shown)), dtype=np.int32)
    return Neighbours(near, run.plan.sizes[-1], 0, "onehot", len(shown))


def lines_of(run: Run) -> Iterator[str]:
    """What there is, in bytes as they stand in the file: base64 takes four letters for three bytes."""
    before = time.perf_counter()
    found = gather(run, find=drawn_neighbours)
    took = time.perf_counter() - before
    page = len(document(found).encode())
    wrote = time.perf_counter() - before - took
    times = f"gathered in {took:.0f} s, written in {wrote:.0f} s"
    yield f"{len(found.shown):,} examples at {len(found.sizes)} sizes; {times}\n"
    yield "| part | MB in the file | |\n|---|---|---|"
    parts: dict[str, int] = {}
    for column in found.columns:
        parts[column.group] = parts.get(column.group, 0) + encoded(len(column.packed))
    for group, size in parts.items():
        names = ", ".join(
            f"{one.name} {encoded(len(one.packed)) / 1e6:.2f}"
            for one in sorted(found.columns, key=lambda one: -len(one.packed))
            if one.group == group
        )
        yield f"| columns of {group} | {size / 1e6:.2f} | {names} |"
    sheets = sum(encoded(len(sheet)) for sheet in found.sheets)
    each = f"{sheets / len(found.shown):.0f} bytes an example; {found.tiling}"
    yield f"| {len(found.sheets)} sheets | {sheets / 1e6:.2f} | {each} |"
    names = encoded(len(squeezed("\n".join(found.names).encode())))
    yield f"| names of files | {names / 1e6:.2f} | |"
    rest = page - sheets - names - sum(parts.values())
    yield f"| scripts, figures, text | {rest / 1e6:.2f} | |"
    yield f"| all | {page / 1e6:.2f} | {page / LIMIT:.0%} of {LIMIT / 1e6:.0f} MB |"


def encoded(count: int) -> int:
    return -(-count // 3) * 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="fashion-mnist-5k")
    parser.add_argument("--examples", type=int)
    parser.add_argument("--sizes", type=int, default=8)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="make the run here, or take the one that is here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = options.keep or Path(directory) / "run"
        if not (path / "trajectories.h5").is_file():
            run = made_run(path, options.data, options.examples, options.sizes, options.models)
            score(path, top=0)
            trajectories(path)
            drawn_results(run)
        for line in lines_of(open_run(path)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
