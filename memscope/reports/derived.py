"""Where the data of a derived run come from."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DerivedData:
    """The run that a derived one comes from, and what was changed in its data."""

    run: str | None
    """Where that run was; it need not be there any more"""
    digest: str | None
    """Of its plan"""
    changes: str
    """SHA-256 of `changes.csv`"""
    dropped: int | None
    """Training examples that were dropped; null where `changes.csv` cannot be read"""
    relabelled: int | None
    """Training examples that were given another label; null likewise"""
    nominal_examples: int | None
    """The number of training examples by which steps are counted, where there are as many steps as in that run"""
