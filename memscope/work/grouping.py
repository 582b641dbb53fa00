"""Which models a worker trains at once: group sizes, measured once for a run, and bundles of tasks to match."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import torch

from memscope.engines import Bundle
from memscope.files.atomic import write_atomically
from memscope.plan.recipe import OWN_LOOP
from memscope.run import Run
from memscope.store.ledger import Task
from memscope.training.device import device_name, worker_device
from memscope.training.group_size import group_of
from memscope.training.material import open_material
from memscope.work.carrying_out import Say


def group_sizes(run: Run, tasks: Sequence[Task], device: str, workers: int, say: Say) -> dict[int, int]:
    """Models to train at once, by size; empty on a CPU, where outcomes are to be the same to the bit.

    Measured where that was not done before on such a device, and kept in `cache/groups.json`.
    """
    if device != "cuda" or run.plan.recipe.trainer != OWN_LOOP:
        return {}
    where = worker_device(device, 0)
    file, about = run.path / "cache" / "groups.json", describe(run, where)
    known = read_groups(file, about)
    missing = {task.size for task in tasks} - set(known)
    if missing:
        say("measuring how many models to train at once")
        known |= measure(run, sorted(missing), where)
        torch.cuda.empty_cache()  # after all that was measured with is gone: the workers want the room
        write_atomically(file, json.dumps({"about": about, "groups": known}, indent=1).encode())
    models = {size: sum(task.count for task in tasks if task.size == size) for size in known}
    # no larger than leaves every worker something to do
    return {size: max(1, min(group, -(-models[size] // workers))) for size, group in known.items()}


def measure(run: Run, sizes: Sequence[int], device: torch.device) -> dict[int, int]:
    material = open_material(run.path, run.plan, run.examples, device)
    return {size: group_of(material, size) for size in sizes}


def describe(run: Run, device: torch.device) -> str:
    """What the group sizes hold for."""
    plan = run.plan
    return f"{device_name(device)}, torch {torch.__version__}, {plan.precision}, {plan.digest}"


def read_groups(file: Path, about: str) -> dict[int, int]:
    """What was measured before for the same; nothing where it was for another, or cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        found = json.loads(file.read_text())
        if found["about"] == about:
            return {int(size): max(1, int(group)) for size, group in found["groups"].items()}
    return {}


def bundles_of(tasks: Sequence[Task], groups: Mapping[int, int]) -> list[Bundle]:
    """The tasks, those of one size and variant together until they have as many models as are trained at once."""
    bundles: list[Bundle] = []
    for task in tasks:
        last = bundles[-1] if bundles else ()
        alike = last and (last[0].variant, last[0].size, last[0].replicate) == (task.variant, task.size, task.replicate)
        if alike and sum(one.count for one in last) + task.count <= groups.get(task.size, 1):
            bundles[-1] = (*last, task)
        else:
            bundles.append((task,))
    return bundles
