"""How long does the search for neighbours take, beside faiss's and scikit-learn's?

    pip install -e '.[benchmarks]'
    OMP_NUM_THREADS=1 python benchmarks/residual_memory.py [--memory 50000] [--queries 10000] [--k 50] [--repeats 5]

The same float32 features and queries for all, the same number of threads, in turns. Printed are seconds to build and
to search, the least and the median over the repeats; the search's ratio to ours, the median over the repeats of the
ratio within each; and for how many queries the neighbours are those of ours, as a set and in the same order. Of the
others none measures distances in float64; `faiss, measured` does it with what faiss found. `products` are the bare
float32 products of our search, which no exact method without structure in the data can do without.
"""

import argparse
import time
from collections.abc import Callable

import faiss
import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from memscope.analysis.neighbours import QUERIES, Memory, first_of_each, nearest, prepare, squared_distances
from memscope.analysis.products import multiply

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
            place = torch.from_numpy(index.search(queries[first : first + QUERIES], k)[1]).flatten()
            row = torch.arange(len(block)).repeat_interleave(k)
            distance = squared_distances(block, row, given, place)
            found.append(first_of_each(row, place, distance, k, torch.ones(len(block), dtype=torch.bool))[0])
        return torch.cat(found).numpy()

    def multiply_only(memory: Memory) -> None:
        factors = torch.ones((QUERIES, vectors.shape[1] + 1))
        scores = torch.empty((QUERIES, memory.tile))
        for first in range(0, len(queries), QUERIES):
            count = min(QUERIES, len(queries) - first)
            for tile in memory.factors.split(memory.tile):
                multiply(factors[:count], tile, out=scores[:count])

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", type=int, default=50_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--k", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    faiss.omp_set_num_threads(options.threads)
    sizes = f"{options.memory} x {options.features}, {options.queries} queries, k = {options.k}"
    print(f"{sizes}, {options.threads} thread(s), {options.repeats} repeats")
    with threadpool_limits(options.threads):
        for data in (gaussian, clustered):
            random = np.random.default_rng(0)
            compare(data.__name__, *data(options.memory, options.queries, options.features, random), options)


def compare(name: str, vectors: np.ndarray, queries: np.ndarray, options: argparse.Namespace) -> None:
    """Print the table of one kind of data."""
    todo = list(methods(vectors, queries, options.k).items())
    build: dict[str, list[float]] = {method: [] for method, _ in todo}
    search: dict[str, list[float]] = {method: [] for method, _ in todo}
    found = {}
    for repeat in range(options.repeats):
        turn = repeat % len(todo)
        for method, (make, ask) in todo[turn:] + todo[:turn]:
            start = time.perf_counter()
            built = make()
            between = time.perf_counter()
            found[method] = ask(built)
            build[method].append(between - start)
            search[method].append(time.perf_counter() - between)
    print(f"\n| {name} | build | search, least | median | ratio to ours | same sets | same order |")
    print("|---|---|---|---|---|---|---|")
    ours = found["memscope"]
    for method, seconds in search.items():
        ratio = np.median(np.array(seconds) / np.array(search["memscope"]))
        cells = [f"{min(build[method]):.2f} s", f"{min(seconds):.2f} s", f"{np.median(seconds):.2f} s", f"{ratio:.2f}"]
        if found[method] is None:
            rate = 2 * len(vectors) * queries.size / min(seconds) / 1e9
            cells += [f"{rate:.0f} GFLOP/s", ""]
        else:
            same = np.sort(found[method], axis=1) == np.sort(ours, axis=1)
            cells += [f"{share:.2%}" for share in (same.all(axis=1).mean(), (found[method] == ours).all(axis=1).mean())]
        print(f"| {method} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
