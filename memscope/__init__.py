"""memscope: which training examples does an image classifier memorise, and how does that change with size?

The functions below take and give arrays, so people who train elsewhere can use them. The packages, from what a user
touches down to what everything rests on; nothing imports from a line above its own (tests/test_layers.py checks that):

    cli/            one module for every command: parse, call one step, print its report
    tables/         reports in print
    commands.py     the commands, for a user of Python
    steps/          what the commands do: open the run, call analysis, write results
    plots/          figures, drawn from results only, a folder for each command
    counting/       from the ledger to counts and sums over models
    work/           carrying out tasks, and keeping what they give
    engines/        where tasks run
    training/       the training loop and what surrounds it
    run.py          a run directory, opened
    store/          the files of a run
    plan/           all that decides the numbers
    families/       the networks
    datasets/       the images, from wherever they come
    analysis/       the mathematics, as pure functions of arrays
    files/          files as such: atomic, sealed, guarded
    reports/        what commands find, as dataclasses
    errors.py, streams.py, text.py, cores.py, imports.py, torchvision_import.py, under_way.py, version.py    the ground
"""

from typing import TYPE_CHECKING, Any

from memscope.version import __version__ as __version__

if TYPE_CHECKING:
    from memscope.analysis.influence import influence, influence_blocks
    from memscope.analysis.memorisation import Memorisation, memorisation
    from memscope.analysis.population.estimate import Population, population
    from memscope.analysis.residual_memory import ResidualMemory
    from memscope.analysis.trajectories import TYPES, classify_trajectories
    from memscope.analysis.trajectory_types import TrajectoryTypes, trajectory_types
    from memscope.datasets import load_dataset
    from memscope.datasets.changes_file import write_changes
    from memscope.datasets.image_dataset import ImageDataset
    from memscope.errors import DataError, MemscopeError, OptionError, RunError
    from memscope.plan.subsets import balanced_subsets
    from memscope.run import Run, open_run
    from memscope.store.pairs_file import read_pairs

__all__ = [
    "TYPES",
    "DataError",
    "ImageDataset",
    "Memorisation",
    "MemscopeError",
    "OptionError",
    "Population",
    "ResidualMemory",
    "Run",
    "RunError",
    "TrajectoryTypes",
    "balanced_subsets",
    "classify_trajectories",
    "influence",
    "influence_blocks",
    "load_dataset",
    "memorisation",
    "open_run",
    "population",
    "read_pairs",
    "trajectory_types",
    "write_changes",
]

# Where each public name lives. They are imported when first asked for, so that `memscope --help` loads
# neither numpy nor torch.
HOMES = {
    "memscope.analysis.influence": ("influence", "influence_blocks"),
    "memscope.analysis.memorisation": ("Memorisation", "memorisation"),
    "memscope.analysis.population.estimate": ("Population", "population"),
    "memscope.analysis.residual_memory": ("ResidualMemory",),
    "memscope.analysis.trajectories": ("TYPES", "classify_trajectories"),
    "memscope.analysis.trajectory_types": ("TrajectoryTypes", "trajectory_types"),
    "memscope.datasets": ("load_dataset",),
    "memscope.datasets.changes_file": ("write_changes",),
    "memscope.datasets.image_dataset": ("ImageDataset",),
    "memscope.errors": ("DataError", "MemscopeError", "OptionError", "RunError"),
    "memscope.run": ("Run", "open_run"),
    "memscope.plan.subsets": ("balanced_subsets",),
    "memscope.store.pairs_file": ("read_pairs",),
}


def __getattr__(name: str) -> Any:
    import importlib

    if name == "commands":
        return importlib.import_module("memscope.commands")
    for module, names in HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'memscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
