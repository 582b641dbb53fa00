"""What `memscope datasets` and `memscope families` list."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DataForm:
    """A way in which `--data` is given."""

    form: str
    """As it is typed"""
    about: str
    """What is read, in a line"""
    names: tuple[str, ...]
    """What may stand for NAME"""


@dataclass(frozen=True, kw_only=True)
class DatasetsReport:
    """What `--data` takes."""

    bundled: tuple[DataForm, ...]
    """Data sets that come with memscope"""
    forms: tuple[DataForm, ...]
    """The others, by what is on the disk"""


@dataclass(frozen=True, kw_only=True)
class FamilyKind:
    """A family of networks, or a kind of them."""

    family: str
    """As it is typed after `--family`"""
    sizes: str
    """Which sizes it has"""
    about: str
    """What it is for, in a line"""
    lanes: bool
    """Whether its narrow members are trained in lanes"""


@dataclass(frozen=True, kw_only=True)
class FamiliesReport:
    """What `--family` takes."""

    families: tuple[FamilyKind, ...]
    """In the order in which to try them"""
