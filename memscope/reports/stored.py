"""What a command keeps in HDF5 beside its report: the fields of its group, and which models they rest on."""

from collections.abc import Mapping
from dataclasses import dataclass

SIZE_EXAMPLE = ("size", "example")


@dataclass(frozen=True)
class Field:
    """One dataset of a file: its dimensions by name, its unit and what it is."""

    dims: tuple[str, ...]
    unit: str
    description: str


@dataclass(frozen=True)
class Results:
    """The group of one command, in `results/*.h5` and `trajectories.h5`."""

    fields: Mapping[str, Field]
    full: bool = False
    """Whether it rests on the models on all the data, beside those on subsets"""
    students: bool = False
    """Whether on students of every setting"""
    second_models: bool = False
    """Whether on second models of subsets"""
    derived: bool = False
    """Whether on models of derived runs that were made for it, so that more models of the run do not make it old"""
    made_by: str = ""
    """The command that makes it, where it is not `COMMAND RUN`"""
