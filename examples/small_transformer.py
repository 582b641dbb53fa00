"""A small causal transformer over the words of a text: what `language.py` gives a residual memory to."""

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

CONTEXT, BATCH, LINES = 64, 32, 50
"""Words in a window, windows in a batch, lines in a block."""

# ---- the model


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = max(1, width // 16)
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.answer = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:  # [B, CONTEXT, width]
        parts = self.ask(self.before(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.answer(functional.scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.think(self.between(x))


class Transformer(nn.Module):
    """Two blocks; the output layer is the embedding of the words."""

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.Sequential(Block(width), Block(width), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        for table in (self.words, self.places):
            nn.init.normal_(table.weight, std=0.05)

    def hidden(self, words: Tensor) -> Tensor:  # [B, CONTEXT] -> [B, CONTEXT, width]
        return self.blocks(self.words(words) + self.places.weight)

    def logits(self, hidden: Tensor) -> Tensor:
        return functional.linear(hidden, self.words.weight, self.bias)


# ---- the text


@dataclass(frozen=True)
class Text:
    """Numbers of words, in windows [n, CONTEXT + 1], the last of one being the first of the next."""

    train: Tensor
    choose: Tensor
    test: Tensor


def read_lines(file: Path | None) -> list[str]:
    if file:
        return file.read_text().splitlines()
    if not shutil.which("bible"):
        raise SystemExit("the program bible is not installed: apt-get install bible-kjv-text, or give --text FILE")
    told = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], capture_output=True, text=True, check=True).stdout
    return [line.partition(" ")[2] for line in told.splitlines()]  # each begins with its reference


def divide(lines: list[str], words: int, vocabulary: int, held_out: int, seed: int) -> Text:
    """Blocks of 50 lines in random order: the first for tests, others to choose by, and of the rest the first `words`.

    The vocabulary is that of all the rest, the same for each number of words; word 0 is any other word.
    """
    blocks = [" ".join(lines[first : first + LINES]).lower() for first in range(0, len(lines), LINES)]
    order = iter(np.random.default_rng(seed).permutation(len(blocks)))
    parts: list[list[str]] = [[], [], []]
    for part, enough in zip(parts, (held_out, held_out, float("inf")), strict=True):
        while len(part) <= enough and (number := next(order, None)) is not None:
            part += re.findall(r"[a-z']+|[^\sa-z]", blocks[number])
    common = Counter(parts[2]).most_common(vocabulary - 1)
    number_of = {word: number for number, (word, _) in enumerate(common, 1)}
    windows = [
        torch.tensor([number_of.get(word, 0) for word in part[: most + 1]]).unfold(0, CONTEXT + 1, CONTEXT)
        for part, most in zip(parts, (held_out, held_out, words), strict=True)
    ]
    return Text(windows[2], windows[1], windows[0])


# ---- training


def train(text: Text, vocabulary: int, width: int, steps: int, seed: int) -> Transformer:
    """The model of that step, of every 25, which has the fewest bits on the text to choose by."""
    torch.manual_seed(seed)
    model, batch = Transformer(vocabulary, width), min(BATCH, len(text.train))
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.02 / width**0.5, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / 40, 1.0, (steps - step) / (0.7 * steps))
    )
    fewest, best, queue = float("inf"), model.state_dict(), torch.empty(0, dtype=torch.int64)
    for step in range(steps):
        if len(queue) < batch:
            queue = torch.cat([queue, torch.randperm(len(text.train))])
        some, queue = text.train[queue[:batch]], queue[batch:]
        loss = functional.cross_entropy(model.logits(model.hidden(some[:, :-1])).flatten(0, 1), some[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if (step + 1) % 25 == 0 or step + 1 == steps:
            now = bits(chances_of(model, text.choose))
            if now < fewest:
                fewest, best = now, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(best)
    return model.eval()


@torch.no_grad()
def states(model: Transformer, windows: Tensor) -> tuple[Tensor, Tensor]:
    """Hidden states [positions, width] of all positions, and the words [positions] that follow."""
    hidden = [model.hidden(some[:, :-1]).flatten(0, 1) for some in windows.split(64)]
    return torch.cat(hidden), windows[:, 1:].flatten()


@torch.no_grad()
def chances_of(model: Transformer, windows: Tensor, temperature: float = 1.0) -> Tensor:
    """The model's probabilities [positions] of the words that came."""
    found = []
    for some in windows.split(16):
        hidden, following = states(model, some)
        found.append(torch.softmax(model.logits(hidden) / temperature, dim=1)[range(len(following)), following])
    return torch.cat(found)


def bits(chances: Tensor) -> float:
    """Mean bits of the words that came, which had these chances."""
    return -float(chances.double().log2().mean())
