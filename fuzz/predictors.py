"""Files of fitted predictors: damaged, with descriptions that lie under a right seal, with other tensors, and others'."""

import copy
import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import safetensors.numpy
import torch

from fuzz.damage import EXTREMES, TEXTS, damaged
from fuzz.run_files import hostile_weights
from memscope.predictors.backbones import Backbone, build_regressor
from memscope.predictors.fitting import weights_of
from memscope.predictors.kept import ENTRY, Description, seal_of
from memscope.reports.keys import keys_of
from memscope.training.draws import torch_seeded

SHAPE, CLASSES, SEEDS = (6, 6, 1), ("a", "b"), 2

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, 10**30, "", "x", [], {}, [[]], {"name": 3}, [None], ["a", 3], [6, 6, 3], [0, 6, 1], [6, -6, 1],
    [6.0, 6, 1], [4096, 4096, 3], ["a"] * 70_000, {"name": "plain", "width": 4096, "pretrained": False},
    {"name": "plain", "width": 1.0, "pretrained": False}, {"name": "resnet18", "width": None, "pretrained": True},
    {"name": "resnet18", "width": None, "pretrained": False}, {"name": "../x", "width": None, "pretrained": False},
    {"name": "hf_hub:x/y", "width": None, "pretrained": False}, {"name": "vit_tiny_patch16_224", "width": None, "pretrained": False},
    {"name": "\x1b[31m", "width": None, "pretrained": False}, "float8", "bfloat16", *(value for value in EXTREMES if value),
)  # fmt: skip


@cache
def described() -> dict[str, Any]:
    return keys_of(
        Description(
            version=1,
            settings="0" * 64,
            backbone=Backbone("plain", 1),
            target="score@2",
            axis="width",
            seeds=SEEDS,
            image_shape=SHAPE,
            class_names=CLASSES,
            with_label=True,
            channel_mean=(100.0,),
            channel_sd=(50.0,),
            precision="float32",
            data="npz:x.npz",
            data_fingerprint="0" * 64,
            plan_digest="0" * 64,
            split="0" * 64,
            fitted=12,
            epochs=(1,) * SEEDS,
            written_by="memscope",
        )
    )


@cache
def tensors() -> dict[str, np.ndarray]:
    with torch_seeded(0, torch.device("cpu")):
        weights = [weights_of(build_regressor(Backbone("plain", 1), SHAPE, len(CLASSES))) for _ in range(SEEDS)]
    found = {f"seed-{seed}/{name}": values for seed, each in enumerate(weights) for name, values in each.items()}
    found |= {f"seed-{seed}/said": np.zeros(20, np.float32) for seed in range(SEEDS)}
    return found | {"known": np.arange(12)}


def packed(description: Any, values: dict[str, np.ndarray]) -> bytes:
    """The file, under a seal that is right."""
    text = description if isinstance(description, str) else json.dumps(description)
    entry = {"description": text, "sha256": seal_of(text, values)}
    return safetensors.numpy.save(values, metadata={ENTRY: json.dumps(entry)})


@cache
def whole() -> bytes:
    return packed(described(), tensors())


def lying(random: Random) -> bytes:
    """A description in which something is not what it was."""
    changed = copy.deepcopy(described())
    for _ in range(random.choice((1, 1, 1, 2))):
        key = random.choice(list(changed))
        if random.random() < 0.1:
            del changed[key]
        else:
            changed[key] = random.choice(VALUES)
        changed = changed or dict(described())
    text = json.dumps(changed)
    if random.random() < 0.1:
        text = random.choice((text[:-3], "[" * 100_000, "null", "3", "", text + "}", text.replace("1", "1e999", 1)))
    return packed(text, tensors())


def other_tensors(random: Random) -> bytes:
    """A tensor less, one more, or one of another shape, type or name."""
    values = dict(tensors())
    name = random.choice(list(values))
    one = values.pop(name)
    kind = random.randrange(6)
    if kind == 0:
        values[name] = one.reshape(-1)[:1].copy()
    elif kind == 1:
        values[name] = one.astype(random.choice((np.float64, np.int8, np.bool_)))
    elif kind == 2:
        values[random.choice(("seed-9/x", "seed--1/x", "seed-x/y", "x", "/", "seed-1/", "seed-0/more"))] = one
    elif kind == 3:
        values[name] = np.full(one.shape, np.nan, one.dtype) if one.dtype.kind == "f" else one
    elif kind == 4:
        values[name] = np.zeros((0, *one.shape), one.dtype)
    return packed(described(), values)


def write_predictor(random: Random, directory: Path) -> str:
    chance = random.random()
    if chance < 0.35:
        content = lying(random)
    elif chance < 0.55:
        content = other_tensors(random)
    elif chance < 0.8:
        content = damaged(random, whole(), most=2, head=400)
    elif chance < 0.9:
        content = hostile_weights(random, whole())
    elif chance < 0.95:
        content = whole()
    else:
        content = random.choice((safetensors.numpy.save({"a": np.ones(3)}), b"", b"{}", random.choice(TEXTS)))
    path = directory / "model.safetensors"
    path.write_bytes(content)
    return str(path)
