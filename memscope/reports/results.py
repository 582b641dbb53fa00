"""The groups of HDF5 fields, by command."""

from memscope.reports import distill, memorability, predictor, proxies, resmem, score, trajectories

RESULTS = {
    "score": score.RESULTS,
    "trajectories": trajectories.RESULTS,
    "resmem": resmem.RESULTS,
    "distill": distill.RESULTS,
    "proxies": proxies.RESULTS,
    "memorability": memorability.RESULTS,
    "predictor": predictor.RESULTS,
}
"""Of every command that writes `results/COMMAND.h5`"""


def made_by(group: str, run: str) -> str:
    """The command that makes a group of results of a run."""
    return f"memscope {(RESULTS[group].made_by or f'{group} RUN').replace('RUN', run)}"
