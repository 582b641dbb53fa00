"""How many models a worker trains at once: group sizes, measured once for a run, and bundles of tasks to match."""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import torch

from memscope.engines import Bundle
from memscope.files.atomic import write_atomically
from memscope.plan.plan import Plan
from memscope.plan.recipe import OWN_LOOP
from memscope.run import Run
from memscope.store.ledger import FULL, Task
from memscope.training.backends import BACKENDS, ONE_BY_ONE, Grouping, backend_for, grouping_of
from memscope.training.backends.vectorised.group_size import LARGEST
from memscope.training.device import device_name, worker_device
from memscope.training.material import open_material
from memscope.work.carrying_out import Say

NOTES = logging.getLogger(__name__)


def group_sizes(run: Run, tasks: Sequence[Task], device: str, workers: int, say: Say) -> dict[int, Grouping]:
    """How models are trained, by size; empty on a CPU, where outcomes must be the same to the bit.

    Models of a size that is left out are trained one by one. If a backend must measure its group size, that is done
    once for each kind of device and number of models, and kept in `cache/groups.json`.
    """
    if run.plan.recipe.trainer != OWN_LOOP:
        return {}
    models: dict[int, int] = {}
    for size in {task.size: None for task in tasks}:
        theirs = [task for task in tasks if task.size == size]
        # where only models on all the data are left of a size, they are trained as they would have been beside others
        models[size] = sum(task.count for task in [one for one in theirs if one.variant != FULL] or theirs)
    # small enough to leave every worker something to do
    most = {size: min(LARGEST, -(-count // workers)) for size, count in models.items()}
    names = {size: backend_for(run.plan, size, device) for size in models}
    found: dict[int, Grouping] = {}
    measured: dict[int, str] = {}
    for size, name in names.items():
        at_once = BACKENDS[name].at_once
        if at_once is None:
            measured[size] = name
        elif name != ONE_BY_ONE:
            found[size] = Grouping(name, at_once(run.plan, most[size]))
    if measured:
        best = measured_groups(run, measured, most, worker_device(device, 0), say)
        found |= {size: Grouping(name, best[size]) for size, name in measured.items() if best[size]}
    for size in sorted(models):
        how = found.get(size, Grouping())
        NOTES.debug("size %d: %d models, %s, up to %d at once", size, models[size], how.backend, how.models)
    return found


def measured_groups(
    run: Run, names: Mapping[int, str], most: Mapping[int, int], where: torch.device, say: Say
) -> dict[int, int]:
    """For each size in `names`, the best number of models at once, up to `most`; 0 if its backend cannot train them."""
    file, about = run.path / "cache" / "groups.json", describe(run, where)
    known = read_groups(file, about)
    missing = [size for size in sorted(names) if not enough(known.get(size), most[size])]
    if missing:
        say("measuring how many models to train at once")
        known |= measure(run, {size: names[size] for size in missing}, most, where)
        torch.cuda.empty_cache()  # now that the models of the measurement are gone: the workers need the memory
        write_atomically(file, json.dumps({"about": about, "groups": known}, indent=1).encode())
    return {size: min(known[size][0], most[size]) for size in names}


def enough(known: tuple[int, int] | None, most: int) -> bool:
    """Whether what is `known`, the best group of a size and the limit of its search, holds for up to `most` models."""
    return known is not None and (known[0] < known[1] or most <= known[1])


def measure(
    run: Run, names: Mapping[int, str], most: Mapping[int, int], device: torch.device
) -> dict[int, tuple[int, int]]:
    """By size, the best group and the limit up to which it was searched for."""
    material = open_material(run.path, run.plan, run.examples, device)
    found = {}
    for size, name in names.items():
        measured = BACKENDS[name].measured
        assert measured is not None
        found[size] = measured(material, size, most[size]), most[size]
    return found


def describe(run: Run, device: torch.device) -> str:
    """What the group sizes depend on."""
    plan = run.plan
    return f"{device_name(device)}, torch {torch.__version__}, {plan.precision}, {plan.digest}"


def read_groups(file: Path, about: str) -> dict[int, tuple[int, int]]:
    """What was measured before under the same conditions; empty if they were others, or if the file cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        found = json.loads(file.read_text())
        if found["about"] == about:
            return {int(size): (max(0, int(group)), int(most)) for size, (group, most) in found["groups"].items()}
    return {}


def bundles_of(
    plan: Plan, tasks: Sequence[Task], groups: Mapping[int, Grouping], record: Collection[Task] = ()
) -> list[Bundle]:
    """The tasks in bundles: those of one size and variant together, up to the number of models trained at once.

    Tasks to `record` take longer and are kept apart.
    """
    bundles: list[Bundle] = []
    for task in tasks:
        last = bundles[-1] if bundles else ()
        alike = last and (last[0].variant, last[0].size, last[0].replicate) == (task.variant, task.size, task.replicate)
        alike = alike and (last[0] in record) == (task in record)
        if alike and sum(one.count for one in last) + task.count <= grouping_of(plan, groups, task).models:
            bundles[-1] = (*last, task)
        else:
            bundles.append((task,))
    return bundles


def bundles_of_students(bundles: Sequence[Bundle], groups: Mapping[int, Grouping]) -> list[Bundle]:
    """Join bundles, each of the same students at several sizes, up to the number of students trained at once."""
    if not all(task.size in groups for bundle in bundles for task in bundle):
        return list(bundles)
    joined: list[Bundle] = []
    for bundle in bundles:
        students = bundle[0].count + sum({task.first: task.count for task in joined[-1]}.values()) if joined else 0
        if joined and students <= max(one.models for one in groups.values()):
            joined[-1] = (*joined[-1], *bundle)
        else:
            joined.append(bundle)
    return joined
