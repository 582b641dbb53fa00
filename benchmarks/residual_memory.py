"""How long does the search for neighbours take, beside faiss's and scikit-learn's?

    pip install -e '.[benchmarks]'
    OMP_NUM_THREADS=1 python -m benchmarks.residual_memory [--memory 50000] [--queries 10000] [--k 50] [--repeats 5]

The same float32 features and queries for all, one thread each, in turns. The ratio is that of the search to ours, one
within each repeat; it is told for how many queries the neighbours are those of ours, as a set and in the same order.
Of the others none measures distances in float64; `faiss, measured` does it with what faiss found. `products` are the
bare float32 products of our search, which no exact method without structure in the data can do without.
"""

import argparse
import time
from collections.abc import Callable, Iterator

import faiss
import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from benchmarks import Row, show
from memscope.analysis.neighbours.exact import QUERIES, Memory, measured, nearest, prepare
from memscope.analysis.products import multiply

TILE = 1024
"""Vectors whose products are taken at once: they are in the cache still when they are overwritten."""

Built = object
Method = tuple[Callable[[], Built], Callable[[Built], np.ndarray | None]]


def gaussian(memory: int, queries: int, features: int, random: np.random.Generator) -> list[np.ndarray]:
    return [random.standard_normal((count, features), dtype=np.float32) for count in (memory, queries)]


def clustered(memory: int, queries: int, features: int, random: np.random.Generator) -> list[np.ndarray]:
    """Like the penultimate features of a classifier with 100 classes: not negative, two thirds zeros, in clusters."""
    centres = random.gamma(0.5, 2.0, (100, features)) * (random.random((100, features)) < 0.4)
    parts = []
    for count in (memory, queries):
        noise = random.standard_normal((count, features), dtype=np.float32)
        parts.append(np.maximum(centres[random.integers(0, 100, count)] + noise - 1, 0).astype(np.float32))
    return parts


def methods(vectors: np.ndarray, queries: np.ndarray, k: int) -> dict[str, Method]:
    """What builds and what searches, by name."""
    given, asked = torch.from_numpy(vectors), torch.from_numpy(queries)

    def build_faiss() -> faiss.IndexFlatL2:
        index = faiss.IndexFlatL2(vectors.shape[1])
        index.add(vectors)
        return index

    def measure(index: faiss.IndexFlatL2) -> np.ndarray:
        found = []
        for first in range(0, len(queries), QUERIES):
            block = asked[first : first + QUERIES].double()
            place = torch.from_numpy(index.search(queries[first : first + QUERIES], k)[1])
            found.append(measured(given, block, place)[0])
        return torch.cat(found).numpy()

    def multiply_only(memory: Memory) -> None:
        factors = torch.ones((QUERIES, vectors.shape[1] + 1))
        scores = torch.empty((QUERIES, TILE))
        for first in range(0, len(queries), QUERIES):
            count = min(QUERIES, len(queries) - first)
            for tile in memory.factors.split(TILE):
                multiply(factors[:count], tile, out=scores[:count, : len(tile)])

    return {
        "memscope": (lambda: prepare(given, k), lambda memory: nearest(memory, asked)[0].numpy()),
        "faiss IndexFlatL2": (build_faiss, lambda index: index.search(queries, k)[1]),
        "faiss, measured": (build_faiss, measure),
        "scikit-learn brute": (
            lambda: NearestNeighbors(n_neighbors=k, algorithm="brute").fit(vectors),
            lambda index: index.kneighbors(queries)[1],
        ),
        "products": (lambda: prepare(given, k), multiply_only),
    }


def compare(
    vectors: np.ndarray, queries: np.ndarray, k: int, repeats: int
) -> tuple[dict[str, list[float]], dict[str, np.ndarray | None]]:
    """Seconds of every method's search, one for every repeat, and what it found."""
    todo = list(methods(vectors, queries, k).items())
    search: dict[str, list[float]] = {method: [] for method, _ in todo}
    found = {}
    for repeat in range(repeats):
        turn = repeat % len(todo)
        for method, (make, ask) in todo[turn:] + todo[:turn]:
            built = make()
            start = time.perf_counter()
            found[method] = ask(built)
            search[method].append(time.perf_counter() - start)
    return search, found


def rows(memory: int, queries: int, features: int, k: int, repeats: int) -> Iterator[Row]:
    """Of each kind of data and each method: its search over ours."""
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    with threadpool_limits(1):
        for data in (gaussian, clustered):
            vectors, asked = data(memory, queries, features, np.random.default_rng(0))
            search, found = compare(vectors, asked, k, repeats)
            ours, least = found.pop("memscope"), min(search["memscope"])
            assert ours is not None
            for method, theirs in found.items():
                note = f"{min(search[method]):.2f} s, ours {least:.2f} s"
                if theirs is None:
                    note += f"; {2 * len(vectors) * asked.size / min(search[method]) / 1e9:.0f} GFLOP/s"
                else:
                    sets = (np.sort(theirs, axis=1) == np.sort(ours, axis=1)).all(axis=1).mean()
                    note += f"; same neighbours {sets:.2%}, same order {(theirs == ours).all(axis=1).mean():.2%}"
                ratios = [one / other for one, other in zip(search[method], search["memscope"], strict=True)]
                yield Row(f"{method}, {data.__name__} {memory:,} x {features}", "memscope's search", ratios, note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", type=int, default=50_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--k", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    for number, row in enumerate(rows(**vars(parser.parse_args()))):
        show([row], head=number == 0)


if __name__ == "__main__":
    main()
