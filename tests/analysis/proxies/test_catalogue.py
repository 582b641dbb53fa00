import subprocess
import sys
from pathlib import Path

import numpy as np

from memscope.analysis.proxies import gradient_variance
from memscope.analysis.proxies.catalogue import ALL, PROXIES
from memscope.analysis.proxies.curvature import curvature_over_step, input_curvature, squared_curvature
from memscope.analysis.proxies.depth import prediction_depth
from memscope.analysis.proxies.dynamics import proxies_of_dynamics
from memscope.analysis.proxies.error_norm import error_norm, squared_error_norm

SCIENCE = Path(__file__).parents[3] / "docs" / "science.md"


def test_names_are_unique_and_variants_are_of_a_proxy_that_is_none():
    assert len(PROXIES) == len(ALL) == len({proxy.title for proxy in ALL})
    for proxy in ALL:
        assert proxy.variant_of is None or PROXIES[proxy.variant_of].variant_of is None, proxy.name


def test_what_needs_dynamics_alone_is_computed_under_the_same_name():
    found = proxies_of_dynamics(np.ones((3, 2), bool), np.ones((3, 2)))
    assert list(found) == [proxy.name for proxy in ALL if proxy.needs == "dynamics"]


def test_signs_say_which_of_an_easy_and_a_memorised_example_has_more():
    """The first example is right from the beginning, the second only at the end, when all else is fitted."""
    correct = np.array([[1, 0], [1, 1], [1, 0], [1, 1]], bool)
    log_odds = np.array([[2.5, -2.0], [3, 0.1], [4, -0.5], [5, 1.5]])
    values = proxies_of_dynamics(correct, log_odds)
    p, label = np.array([[0.9, 0.1], [0.3, 0.7]]), np.zeros(2, int)
    values |= {"el2n": error_norm(p, label), "el2n-squared": squared_error_norm(p, label)}
    changes = np.array([[0.1, 0.2], [1, 3]])
    values |= {
        "curvature": input_curvature(changes),
        "curvature-squared": squared_curvature(changes),
        "curvature-over-h": curvature_over_step(changes),
    }
    gradients = np.array([[[1.0], [1]], [[1.1], [5]]])
    vog = gradient_variance.variance_of_gradients(gradients)
    values |= {
        "vog": vog,
        "vog-probability": vog,
        "vog-by-class": gradient_variance.standardised_by_class(vog, label),
        "vog-variance": gradient_variance.mean_variance_of_gradients(gradients),
    }
    features, labels = [np.array([[0.0], [9.2], [0.1], [9], [9.1], [0.2]])], np.array([0, 0, 0, 1, 1, 0])
    values["prediction-depth"] = prediction_depth(features, labels, labels, k=2)[:2]
    for name, (easy, memorised) in values.items():
        assert PROXIES[name].sign * (memorised - easy) > 0, name
    assert set(PROXIES) - set(values) == {"grand", "accuracy-out", "residual"}


def test_the_documentation_has_every_proxy():
    section = SCIENCE.read_text().partition("\n## Proxies\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip().strip("`") for line in section.splitlines() if line.startswith("| `")]
    assert rows == list(PROXIES)


def test_the_list_of_names_loads_no_torch():
    script = "import sys, memscope.analysis.proxies.catalogue; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
