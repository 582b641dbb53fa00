"""The groups of HDF5 fields, by command."""

from memscope.reports import distill, memorability, proxies, resmem, score, trajectories

RESULTS = {
    "score": score.RESULTS,
    "trajectories": trajectories.RESULTS,
    "resmem": resmem.RESULTS,
    "distill": distill.RESULTS,
    "proxies": proxies.RESULTS,
    "memorability": memorability.RESULTS,
}
"""Of every command that writes `results/COMMAND.h5`"""
