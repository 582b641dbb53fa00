"""A Ray cluster on this machine, for all tests of engines."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memscope.engines import Cluster, Engine, open_engine

NODE = {"object_store_memory": 80 * 2**20, "num_cpus": 1}


@pytest.fixture(scope="session")
def raylets() -> Iterator[Any]:
    """Two nodes of one core. A test that adds or removes some sees to it that there are two again after it."""
    ray = pytest.importorskip("ray", reason='Ray is not installed: pip install "memscope-ml[ray]"')
    from ray.cluster_utils import Cluster as Raylets

    before = dict(os.environ)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.pop("RAY_ADDRESS", None)
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in (str(Path.cwd()), before.get("PYTHONPATH")) if path)
    started = Raylets(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
    try:
        started.add_node(**NODE)
        yield started
    finally:
        ray.shutdown()
        started.shutdown()
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def on_ray(raylets: Any) -> Engine:
    return open_engine("ray", Cluster(raylets.address))


@pytest.fixture(params=["inline", "processes", pytest.param("ray", marks=pytest.mark.xdist_group("ray"))])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine, for what is true of all of them."""
    return request.getfixturevalue("on_ray") if request.param == "ray" else open_engine(request.param)
