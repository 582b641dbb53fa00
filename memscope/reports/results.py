"""The groups of HDF5 fields, by command."""

from memscope.reports import (
    convergence,
    distill,
    influence,
    memorability,
    predictor,
    privacy,
    proxies,
    removal,
    resmem,
    score,
    trajectories,
)

RESULTS = {
    "score": score.RESULTS,
    "trajectories": trajectories.RESULTS,
    "convergence": convergence.RESULTS,
    "resmem": resmem.RESULTS,
    "distill": distill.RESULTS,
    "proxies": proxies.RESULTS,
    "memorability": memorability.RESULTS,
    "predictor": predictor.RESULTS,
    "influence": influence.RESULTS,
    "influence-training": influence.AMONG_TRAINING,
    "removal": removal.RESULTS,
    "peel": removal.PEEL_RESULTS,
    "privacy": privacy.RESULTS,
}
"""Of every command that writes `results/COMMAND.h5`"""


def words_of(group: str) -> list[str]:
    """What follows `memscope` in the command that makes a group of results; RUN stands for the run, N for a number."""
    return (RESULTS[group].made_by or f"{group} RUN").split()


def call_of(group: str, run: object) -> list[object]:
    """The same words, for a run."""
    return [run if word == "RUN" else word for word in words_of(group)]


def named(group: str) -> str:
    """That command without its run, as a sentence names it: `memorability --train`."""
    return " ".join(word for word in words_of(group) if word != "RUN")


def reported_as(group: str) -> str:
    """What REPORTS calls the report that is stored with a group: `memorability-train`."""
    return named(group).removesuffix(" N").replace(" --", "-")


def made_by(group: str, run: str) -> str:
    """The command that makes a group of results of a run."""
    return " ".join(["memscope", *map(str, call_of(group, run))])
