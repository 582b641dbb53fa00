"""A run of which all is known, and its page."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from memscope.analysis.proxies.catalogue import PROXIES
from memscope.plan.teaching import Teaching
from memscope.reports.keys import keys_of
from memscope.reports.proxies import RESULTS, ProxiesReport
from memscope.run import open_run
from memscope.steps.distill import distill
from memscope.steps.resmem import MemoryOptions, resmem
from memscope.steps.score import score
from memscope.steps.trajectories import trajectories
from memscope.store.ledger import state_for
from memscope.store.results import write_results
from memscope.work.carrying_out import WorkOptions

HERE = WorkOptions(engine="inline", device="cpu")


@pytest.fixture(scope="session")
def known_run(full_run, run_made_once) -> Path:
    """`full_run` with all results; those of proxies are drawn. Tests must not change it."""

    def make(path: Path) -> None:
        shutil.copytree(full_run, path)
        score(path)
        trajectories(path)
        resmem(path, MemoryOptions(k=(5,), sigma=(1.0,), temperature=(1.0,)), HERE)
        for temperature in (1.0, 4.0):
            distill(path, Teaching(8, temperature=temperature), (4,), HERE)
        draw_proxies(path)

    return run_made_once("known", make)


def draw_proxies(path: Path) -> None:
    """Results of `proxies` with numbers of every magnitude; one is infinite of some examples."""
    run, random = open_run(path), np.random.default_rng(0)
    names = list(PROXIES)[:6]
    count = len(run.examples.labels)
    values = random.gamma(1, 1, (len(names), 3, count)) * 10.0 ** np.arange(-3, 3)[:, None, None]
    values[1, :, ::5] = np.inf
    values[2, 1, ::3] = np.nan
    arrays = {"size": np.array([2, 4, 8]), "example": np.arange(count), "proxy": names}
    report = ProxiesReport(
        run=str(path),
        axis="width",
        epsilon=0.2,
        examples=count,
        flipped=12,
        recorded=10,
        on="subsets",
        score_models=10,
        score_blocks=1,
    )
    values = values.astype(np.float32)
    state = state_for(path, run.plan, RESULTS)
    write_results(path, run.plan, "proxies", {**arrays, "value": values}, state, keys_of(report))
