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

VOCABULARY, CONTEXT, LINES, HELD_OUT = 1024, 64, 50, 8192
"""Words that are told apart, words in a window, lines in a block, words to choose by and as many for tests."""
STEPS, BATCH = 300, 32

# ---- the model


def heads_of(width: int) -> int:
    return max(1, width // 16)


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = heads_of(width)
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.answer = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:  # [B, CONTEXT, width]
        parts = self.ask(self.before(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.answer(functional.scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.think(self.between(x))


class Transformer(nn.Module):
    """Two blocks; the output layer is the embedding of the words."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(VOCABULARY, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.Sequential(Block(width), Block(width), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(VOCABULARY))
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
        try:
            return file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeError) as error:
            raise SystemExit(f"--text {file} cannot be read, expected a text in UTF-8: {error}") from None
    if not shutil.which("bible"):
        raise SystemExit("the program bible is not installed: apt-get install bible-kjv-text, or give --text FILE")
    told = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(f"the program bible failed, perhaps another one ({told.stderr[:200]!r}); give --text FILE")
    return [line.partition(" ")[2] for line in told.stdout.splitlines()]  # each begins with its reference


def divide(lines: list[str], words: int, seed: int) -> Text:
    """Blocks of 50 lines in random order: the first for tests, others to choose by, and of the rest the first `words`.

    The vocabulary is that of all the rest, the same for each number of words; word 0 is any other word.
    """
    blocks = [" ".join(lines[first : first + LINES]).lower() for first in range(0, len(lines), LINES)]
    order = iter(np.random.default_rng(seed).permutation(len(blocks)))
    parts: list[list[str]] = [[], [], []]
    for part, enough in zip(parts, (HELD_OUT, HELD_OUT, float("inf")), strict=True):
        while len(part) <= enough and (number := next(order, None)) is not None:
            part += re.findall(r"[a-z']+|[^\sa-z]", blocks[number])
    if len(parts[2]) <= words:
        raise SystemExit(f"the text leaves {len(parts[2]):,} words for training, expected more than {words:,}")
    common = Counter(parts[2]).most_common(VOCABULARY - 1)
    number_of = {word: number for number, (word, _) in enumerate(common, 1)}
    windows = [
        torch.tensor([number_of.get(word, 0) for word in part[: most + 1]]).unfold(0, CONTEXT + 1, CONTEXT)
        for part, most in zip(parts, (HELD_OUT, HELD_OUT, words), strict=True)
    ]
    return Text(windows[2], windows[1], windows[0])


# ---- training


def train(text: Text, width: int, seed: int) -> Transformer:
    """The model of that step, of every 25, which has the fewest bits on the text to choose by."""
    torch.manual_seed(seed)
    model, batch = Transformer(width), min(BATCH, len(text.train))
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.02 / width**0.5, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / 40, 1.0, (STEPS - step) / (0.7 * STEPS))
    )
    fewest, best, queue = float("inf"), model.state_dict(), torch.empty(0, dtype=torch.int64)
    for step in range(STEPS):
        if len(queue) < batch:
            queue = torch.cat([queue, torch.randperm(len(text.train))])
        some, queue = text.train[queue[:batch]], queue[batch:]
        loss = functional.cross_entropy(model.logits(model.hidden(some[:, :-1])).flatten(0, 1), some[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if (step + 1) % 25 == 0 or step + 1 == STEPS:
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
