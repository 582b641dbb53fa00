"""What does a residual memory add to small language models? Bits per word with and without, over widths and data.

    apt-get install bible-kjv-text            # the King James Bible, in the public domain; or --text FILE
    OMP_NUM_THREADS=1 python examples/language.py [--widths 16 40 96] [--words 30000 120000 480000] [--seeds 3]

A causal transformer predicts the next word of a text. The memory holds its hidden states at all positions of its
training text, and the residuals there: of 480,000 positions and 2,048 words they would take 8 GB, so logits are given
as a function of positions. What ResMem predicts sums to 1, but may be negative. To become a probability, the share s of
it is mixed with the model's own p, p + s (ResMem - p); then no word has less than a floor times p; then all is divided
by its sum. The paper's form (Yang et al. 2023, arXiv 2302.01576) is s = 1. The temperature is chosen for the model
alone, then k, sigma, s and the floor, all by bits on text that is in neither training nor tests. Beside it stand the
labels of the same neighbours without residuals, (1 - s) p + s (sum of their weights), as in kNN-LM (Khandelwal et al.
2020, arXiv 1911.00172), with a share chosen for them. A seed draws the text of each part, the first weights and the
order of training.
"""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from small_transformer import Transformer, bits, chances_of, divide, read_lines, states, train
from torch import Tensor

from memscope import ResidualMemory
from memscope.analysis.residuals import neighbour_weights, residuals

TEMPERATURES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5)
NEIGHBOURS = (8, 32, 128)
NEARNESS = (0.1, 0.3, 1.0)
"""Of sigma, in median distances from a query to its nearest neighbour."""
SHARES = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
FLOORS = (0.01, 0.1, 0.5)
TRIED, ASKED = 512, 2048
"""Words that the memory's numbers are chosen by, and words of tests."""


# ---- the memory


@dataclass(frozen=True)
class Found:
    """One model, on its test words."""

    width: int
    words: int
    seed: int
    alone: float
    """bits per word"""
    resmem: float
    neighbours: float
    """bits with the neighbours' labels in the place of their residuals"""
    right: tuple[float, float, float]
    """shares of words predicted right: by the model, with the memory as chosen, by the paper's form of it"""
    k: int
    sigma: float
    share: float
    floor: float
    temperature: float
    seconds: float
    """of a processor"""


@dataclass(frozen=True)
class Choice:
    k: int
    sigma: float
    share: float
    floor: float


def as_probabilities(own: Tensor, resmem: Tensor, share: float, floor: float) -> Tensor:
    """[n, vocabulary], positive and summing to 1, of the model's own probabilities and ResMem's predictions."""
    mixed = torch.maximum(own + share * (resmem - own), floor * own)
    return mixed / mixed.sum(dim=1, keepdim=True)


def weight_of_word(positions: Tensor, weights: Tensor, known: Tensor, words: Tensor) -> Tensor:
    """Of each query's word [n], the weight [n] of those neighbours [n, k] that were followed by it."""
    return (weights * (known[positions] == words[:, None])).sum(dim=1)


@torch.no_grad()
def choose(
    model: Transformer, hidden: Tensor, known: Tensor, asked: Tensor, words: Tensor, temperature: float
) -> tuple[Choice, float]:
    """What gives the fewest bits on the words [n] after hidden states asked [n, width], and the share of labels alone.

    The memory has the hidden states of the words known. One search for neighbours and one set of residuals do for all.
    """
    most = min(NEIGHBOURS[-1], len(hidden))
    positions, distances = ResidualMemory(most, 1.0).fit(hidden, rows_of(model, hidden), known).neighbours(asked)
    sigmas = [factor * float(distances[:, 0].median()) for factor in NEARNESS]
    total: dict[Choice, float] = {}
    labels_alone: dict[tuple[int, float, float], float] = {}
    for here in torch.arange(len(words)).split(16):
        own = torch.softmax(model.logits(asked[here]).double() / temperature, dim=1)
        near = positions[here].flatten()
        held = residuals(model.logits(hidden[near]), known[near], temperature).view(len(here), most, -1)
        for k, sigma in product(sorted({min(k, most) for k in NEIGHBOURS}), sigmas):
            weights = neighbour_weights(distances[here, :k], sigma)
            resmem = own + torch.einsum("nk,nkv->nv", weights, held[:, :k])
            theirs = weight_of_word(positions[here, :k], weights, known, words[here])
            mine = own[range(len(here)), words[here]]
            for share in SHARES:
                for floor in FLOORS:
                    given = as_probabilities(own, resmem, share, floor)[range(len(here)), words[here]]
                    choice = Choice(k, sigma, share, floor)
                    total[choice] = total.get(choice, 0) - float(given.log2().sum())
                mixed = (1 - share) * mine + share * theirs  # 0 for most words if the share is 1
                labels_alone[k, sigma, share] = labels_alone.get((k, sigma, share), 0) - float(mixed.log2().sum())
    best = min(total, key=total.__getitem__)
    return best, min(SHARES[:-1], key=lambda share: labels_alone[best.k, best.sigma, share])


def measure(task: tuple[list[str], int, int, int, argparse.Namespace]) -> Found:
    """Train a model of a width on so many words, with a seed, choose its memory, ask both about the test words."""
    torch.set_num_threads(1)
    lines, width, words, seed, args = task
    start = time.process_time()
    text = divide(lines, words, args.vocabulary, args.held_out, seed)
    model = train(text, args.vocabulary, width, args.steps, seed)
    temperature = min(TEMPERATURES, key=lambda each: bits(chances_of(model, text.choose, each)))
    hidden, known = states(model, text.train)
    best, share = choose(model, hidden, known, *some_of(*states(model, text.choose), TRIED, seed), temperature)

    memory = ResidualMemory(best.k, best.sigma, temperature).fit(hidden, rows_of(model, hidden), known)
    asked, came = some_of(*states(model, text.test), ASKED, seed)
    positions, weights = memory.retrieve(asked)
    resmem = memory.combine(rows_of(model, asked), positions, weights)
    with torch.no_grad():
        own = torch.softmax(model.logits(asked).double() / temperature, dim=1)
    chances = as_probabilities(own, resmem, best.share, best.floor)
    here = range(len(came))
    theirs = weight_of_word(positions, weights, known, came)
    right = tuple(float((each.argmax(dim=1) == came).double().mean()) for each in (own, chances, resmem))
    return Found(
        width, words, seed, bits(own[here, came]), bits(chances[here, came]),
        bits((1 - share) * own[here, came] + share * theirs), right,
        best.k, best.sigma, best.share, best.floor, temperature, time.process_time() - start,
    )  # fmt: skip


def some_of(hidden: Tensor, words: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """So many positions, drawn from all of a text: its blocks are unlike each other."""
    drawn = torch.randperm(len(words), generator=torch.Generator().manual_seed(seed))[:count]
    return hidden[drawn], words[drawn]


def rows_of(model: Transformer, hidden: Tensor) -> Callable[[np.ndarray], Tensor]:
    """Logits as a function of positions: no row is kept."""
    return lambda positions: model.logits(hidden[torch.from_numpy(positions)]).detach()


# ---- the table


def spread(values: list[float], form: str) -> str:
    """Mean and, of several seeds, their standard deviation."""
    deviation = f" +- {np.std(values, ddof=1):{form.strip('+')}}" if len(values) > 1 else ""
    return f"{np.mean(values):{form}}{deviation}"


def show(found: list[Found]) -> None:
    cells: dict[tuple[int, int], list[Found]] = {}
    for each in sorted(found, key=lambda each: (each.width, each.words, each.seed)):
        cells.setdefault((each.width, each.words), []).append(each)
    heads = "width", "words", "bits alone", "gain of ResMem", "gain of labels alone", "right alone", "as chosen"
    print("| " + " | ".join([*heads, "in the paper's form", "k", "share"]) + " |\n|" + "---|" * 10)
    for (width, words), each in cells.items():
        columns = [
            f"{width}", f"{words:,}", spread([one.alone for one in each], ".3f"),
            spread([one.alone - one.resmem for one in each], "+.3f"),
            spread([one.alone - one.neighbours for one in each], "+.3f"),
            spread([one.right[0] for one in each], ".1%"),
            spread([one.right[1] - one.right[0] for one in each], "+.1%"),
            spread([one.right[2] - one.right[0] for one in each], "+.1%"),
            ", ".join(str(one.k) for one in each), ", ".join(str(one.share) for one in each),
        ]  # fmt: skip
        print("| " + " | ".join(columns) + " |")
    gain = {(each.width, each.words, each.seed): each.alone - each.resmem for each in found}
    widths, sizes, seeds = (sorted({key[place] for key in gain}) for place in range(3))
    print("\nOf each seed, how much more is gained, in bits:")
    for words in sizes if len(widths) > 1 else ():
        values = [gain[widths[0], words, seed] - gain[widths[-1], words, seed] for seed in seeds]
        print(f"  at width {widths[0]} than at {widths[-1]}, with {words:,} words: {spread(values, '+.3f')}")
    for width in widths if len(sizes) > 1 else ():
        values = [gain[width, sizes[-1], seed] - gain[width, sizes[0], seed] for seed in seeds]
        print(f"  with {sizes[-1]:,} words than with {sizes[0]:,}, at width {width}: {spread(values, '+.3f')}")


def main(arguments: list[str] | None = None) -> list[Found]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="a text, one sentence or verse a line")
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 40, 96])
    parser.add_argument("--words", type=int, nargs="+", default=[30_000, 120_000, 480_000], help="of training")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300, help="of training")
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument("--held-out", type=int, default=8192, help="words to choose by, and as many for tests")
    parser.add_argument("--processes", type=int, default=2, help="of one thread each")
    args = parser.parse_args(arguments)
    start, lines = time.perf_counter(), read_lines(args.text)
    # of each seed the longest first: so no process waits long for the other
    cells = product(range(args.seeds), sorted(args.widths, reverse=True), sorted(args.words, reverse=True))
    tasks = [(lines, width, words, seed, args) for seed, width, words in cells]
    with get_context("spawn").Pool(args.processes) if args.processes > 1 else nullcontext() as pool:
        found = []
        for each in pool.imap_unordered(measure, tasks) if pool else map(measure, tasks):
            found.append(each)
            done = (
                f"width {each.width}, {each.words:,} words, seed {each.seed}: {each.alone:.3f} bits, {each.resmem:.3f}"
            )
            print(f"{len(found)} of {len(tasks)}: {done}; {time.perf_counter() - start:.0f} s", file=sys.stderr)
    show(found)
    used = sum(each.seconds for each in found)
    print(f"\n{len(found)} models in {time.perf_counter() - start:.0f} s; {used:.0f} s of processors")
    return found


if __name__ == "__main__":
    main()
