"""What does a residual memory add to small language models? Bits per word with and without, over widths and data.

    apt-get install bible-kjv-text            # the King James Bible, in the public domain; or --text FILE
    OMP_NUM_THREADS=1 python examples/language.py

A causal transformer predicts the next word. The memory holds its hidden states at all positions of its training text,
and makes their residuals when they are asked for. ResMem's prediction q sums to 1 but may be negative: what is below 0
becomes 0, and the rest is divided by its sum. Then (1 - s) p + s q is a probability, p being the model's own. The paper
has s = 1 (Yang et al. 2023, arXiv 2302.01576), which costs infinitely many bits where q is 0; .99 stands for it. Labels
alone, with q the weight of the neighbours that were followed by each word, are a kNN-LM (Khandelwal et al. 2020, arXiv
1911.00172). Each chooses its k, sigma and s, and the model its temperature, on text that is in neither training nor
tests. A seed draws the blocks of each part, the first weights and the order of training.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from itertools import pairwise, product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from small_transformer import CONTEXT, Transformer, bits, chances_of, divide, heads_of, read_lines, states, train
from torch import Tensor

from memscope import ResidualMemory
from memscope.analysis.residuals import neighbour_weights
from memscope.analysis.statistics.intervals import t_quantile

TEMPERATURES, SHARES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5), (0.05, 0.1, 0.2, 0.3, 0.4, 0.55, 0.7, 0.99)
NEIGHBOURS, NEARNESS = (64, 512), (0.3, 1.0)  # sigma is in median distances to the nearest neighbour
TRIED, ASKED = 256, 1024  # words that each memory's numbers are chosen by, and words of tests


@dataclass(frozen=True)
class Found:
    """Bits per word of tests of one model, and what is gained; k, nearness and s as chosen."""

    width: int
    words: int
    seed: int
    alone: float
    gains: dict[str, float]
    chosen: dict[str, tuple[int, float, float]]


class Asked:
    """Some words of a text: what the model gave each [n], and what the neighbours in the memory say of it."""

    def __init__(self, model: Transformer, memory: ResidualMemory, known: Tensor, windows: Tensor, count: int) -> None:
        hidden, words = states(model, windows)
        drawn = torch.randperm(len(words), generator=torch.Generator().manual_seed(0))[:count]
        self.memory, self.words, self.logits = memory, words[drawn], model.logits(hidden[drawn]).detach()
        self.own = self.of_words(torch.softmax(self.logits.double() / memory.temperature, dim=1))
        self.positions, self.distances = memory.neighbours(hidden[drawn])
        self.followed = known[self.positions] == self.words[:, None]  # [n, k]

    def of_words(self, rows: Tensor) -> Tensor:
        return rows.gather(1, self.words[:, None])[:, 0]

    def neighbours_say(self, k: int, sigma: float) -> dict[str, Tensor]:
        weights = neighbour_weights(self.distances[:, :k], sigma)
        q = self.memory.combine(self.logits, self.positions[:, :k], weights).clamp_(min=0)  # [n, vocabulary]
        resmem = self.of_words(q) / q.sum(dim=1)
        return {"ResMem": resmem, "paper": resmem, "labels": (weights * self.followed[:, :k]).sum(dim=1)}


def measure(task: tuple[list[str], int, int, int]) -> Found:
    """Train a model of a width on so many words, with a seed; choose what its memory needs; ask both about tests."""
    torch.set_num_threads(1)
    lines, width, words, seed = task
    text = divide(lines, words, seed)
    model = train(text, width, seed)
    temperature = min(TEMPERATURES, key=lambda each: bits(chances_of(model, text.choose, each)))
    hidden, known = states(model, text.train)
    memory = ResidualMemory(min(NEIGHBOURS[-1], len(known)), 1.0, temperature)
    memory.fit(hidden, lambda positions: model.logits(hidden[torch.from_numpy(positions)]).detach(), known)
    tried, tests = (Asked(model, memory, known, *each) for each in ((text.choose, TRIED), (text.test, ASKED)))
    unit = float(tried.distances[:, 0].median())

    total: dict[str, dict[tuple[int, float, float], float]] = {"ResMem": {}, "labels": {}, "paper": {}}
    for k, near in product(NEIGHBOURS, NEARNESS):
        for form, q in tried.neighbours_say(k, near * unit).items():
            for share in SHARES[-1:] if form == "paper" else SHARES:
                total[form][k, near, share] = bits((1 - share) * tried.own + share * q)
    chosen = {form: min(each, key=each.__getitem__) for form, each in total.items()}
    alone, gains = bits(tests.own), {}
    said = {(k, near): tests.neighbours_say(k, near * unit) for k, near in {each[:2] for each in chosen.values()}}
    for form, (k, near, share) in chosen.items():
        gains[form] = alone - bits((1 - share) * tests.own + share * said[k, near][form])
    return Found(width, words, seed, alone, gains, chosen)


def interval(values: list[float], among: int = 1) -> tuple[float, float]:
    """Mean over seeds and half of its 95 % interval by Student's t, for all of so many together (Bonferroni)."""
    if len(values) == 1:
        return values[0], float("inf")
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    return float(np.mean(values)), error * t_quantile(1 - 0.025 / among, len(values) - 1)


def answer(question: str, differences: dict[str, list[float]]) -> str:
    """Yes if all differences [seeds] are above 0 by their intervals, no if one of so many is below."""
    told = {name: interval(values) for name, values in differences.items()}
    below = [interval(values, len(differences)) for values in differences.values()]
    yes, no = all(mean > half for mean, half in told.values()), any(mean < -half for mean, half in below)
    each = "; ".join(f"{name} {mean:+.3f} +- {half:.3f}" for name, (mean, half) in told.items())
    return f"{question} {'Yes' if yes else 'No' if no else 'Cannot be told'}: {each}."


def show(found: list[Found]) -> None:
    widths, sizes, seeds = (sorted({getattr(each, name) for each in found}) for name in ("width", "words", "seed"))
    cells = {(each.width, each.words, each.seed): each for each in found}
    print("| width | words | bits alone | gain of ResMem | of labels alone | with s = .99 | k, nearness, s of ResMem |")
    print("|---|---|---|---|---|---|---|")
    for width, words in product(widths, sizes):
        row = [cells[width, words, seed] for seed in seeds]
        columns = [[each.alone for each in row], *([each.gains[form] for each in row] for form in row[0].gains)]
        numbers = (f"{np.mean(each):.3f} +- {np.std(each, ddof=len(each) > 1):.3f}" for each in columns)
        print(f"| {width} | {words:,} | {' | '.join(numbers)} | {'; '.join(str(e.chosen['ResMem']) for e in row)} |")

    def gain(seed: int, at: list[int], of: list[int]) -> float:
        return float(np.mean([cells[width, words, seed].gains["ResMem"] for width, words in product(at, of)]))

    print("\n+- is the standard deviation over seeds; below, half of a 95 % interval over seeds, each against itself.")
    by_width = {f"than {w}": [gain(s, widths[:1], sizes) - gain(s, [w], sizes) for s in seeds] for w in widths[1:]}
    print(answer(f"Is the gain largest where the model is small? Width {widths[0]}, bits more:", by_width))
    by_size = {f"{n:,}": [gain(s, widths, [n]) - gain(s, widths, [m]) for s in seeds] for m, n in pairwise(sizes)}
    print(answer("Does the gain grow with the data? With each size, bits more than with the size before:", by_size))


def main(arguments: list[str] | None = None) -> list[Found]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="a text in UTF-8, one sentence or verse a line")
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--words", type=int, nargs="+", default=[20_000, 80_000, 320_000], help="of training")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args(arguments)
    uneven = any(width < 1 or width % heads_of(width) for width in args.widths)
    if args.seeds < 1 or min(args.words) <= CONTEXT or uneven:
        parser.error(f"expected a seed or more, more than {CONTEXT} words, and widths that heads of some 16 divide")
    start, lines, found = time.perf_counter(), read_lines(args.text), []
    cells = product(range(args.seeds), sorted(args.widths, reverse=True), sorted(args.words, reverse=True))
    tasks = [(lines, width, words, seed) for seed, width, words in cells]  # the longest first
    with get_context("spawn").Pool(2) as pool:
        for each in pool.imap_unordered(measure, tasks):
            found.append(each)
            print(f"{len(found)} of {len(tasks)} models, {time.perf_counter() - start:.0f} s", file=sys.stderr)
    show(found)
    return found


if __name__ == "__main__":
    main()
