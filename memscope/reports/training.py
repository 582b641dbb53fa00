"""What of a training was lost, for the reports of the commands that train."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DivergedModel:
    """A model whose loss became NaN or infinite; it is left out of the scores."""

    variant: str
    """`onehot` for the models on subsets, `full` on all the data, or the students' setting"""
    size: int
    """Width or depth"""
    model: int
    """Its number"""
    replicate: int
    """1 for the second model of a subset, else 0"""


@dataclass(frozen=True, kw_only=True)
class FailedTask:
    """Models that are trained together, twice without success."""

    variant: str
    """`onehot` for the models on subsets, `full` on all the data, or the students' setting"""
    size: int
    """Width or depth"""
    first: int
    """Number of the first of its models"""
    count: int
    """How many they are"""
    replicate: int
    """1 for second models of subsets, else 0"""
    reason: str
    """The last line of why; the traceback is in `failures/`"""
