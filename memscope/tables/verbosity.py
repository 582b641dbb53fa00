"""How much is told: with `-q` warnings and errors only, with `-v` what is done as well. This loads nothing."""

from contextvars import ContextVar

LEVEL = ContextVar("how much is told: -1, 0 or 1", default=0)


def quiet() -> bool:
    """Whether only warnings and errors are told."""
    return LEVEL.get() < 0


def verbose() -> bool:
    """Whether what is done is told too, and the traceback of what fails."""
    return LEVEL.get() > 0
