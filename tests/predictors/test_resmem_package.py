"""The package `resmem`, by a stand-in of its interface: asked as its authors say; ways in which it is lacking."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from memscope.errors import MemscopeError, OptionError
from memscope.predictors import resmem_package
from memscope.predictors.published import BATCH, Predictor, predict
from memscope.predictors.resmem_package import load_resmem

CPU = torch.device("cpu")


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2 * BATCH + 3, 20, 20, 3), dtype=np.uint8)


def test_predictions_are_what_the_package_gives_by_its_own_transformer(stand_in, images):
    predictor = load_resmem()
    import resmem

    network = resmem.ResMem(pretrained=True).eval()
    inputs = [resmem.transformer(Image.fromarray(image)).view(-1, 3, 227, 227) for image in images]
    with torch.no_grad():
        expected = [float(network(one)) for one in inputs]
    found = predict(predictor, images, CPU)
    assert found.dtype == np.float32
    assert np.ptp(found) > 0.01
    assert found == pytest.approx(expected, abs=1e-6)
    assert predictor.title == "resmem 1.1.6"
    assert "noncommercial" in (predictor.licence or "")


@pytest.mark.parametrize("workers", [2, 50])
def test_the_bits_do_not_depend_on_the_number_of_threads(stand_in, images, workers):
    before = torch.get_num_threads()
    predictor = load_resmem()
    assert predict(predictor, images, CPU, workers).tobytes() == predict(predictor, images, CPU).tobytes()
    assert torch.get_num_threads() == before


def test_loading_changes_no_draws_and_warns_of_nothing(stand_in, recwarn):
    torch.manual_seed(3)
    load_resmem()
    drawn = torch.rand(4)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(4))
    assert not recwarn


def test_the_digest_is_of_the_weights(stand_in):
    first, second = load_resmem(), load_resmem()
    assert first.digest() == second.digest()
    assert len(first.digest()) == 64
    with torch.no_grad():
        next(second.network.parameters())[0] += 1
    assert first.digest() != second.digest()


def test_where_it_is_not_installed_the_extra_and_the_licence_are_named(monkeypatch):
    monkeypatch.setattr(resmem_package.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OptionError) as raised:
        load_resmem()
    message = str(raised.value)
    assert "pip install 'memscope-ml[memorability]'" in message
    assert "noncommercial purposes only" in message


def stand_for(monkeypatch, directory: Path, source: str) -> None:
    (directory / "resmem.py").write_text(source)
    monkeypatch.syspath_prepend(str(directory))
    monkeypatch.delitem(sys.modules, "resmem", raising=False)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module_at_all", "memscope-ml[memorability]"),
        ("x = 1", "cannot be used (AttributeError"),
        ("def ResMem(pretrained): return 7", "is not the package of Needell & Bainbridge"),
        (
            "def ResMem(pretrained): raise TypeError('try running git lfs pull\\nor not')",
            "try running git lfs pull); exp",
        ),
        ("def ResMem(pretrained): raise SystemError", "--force-reinstall"),
    ],
)
def test_a_package_that_is_another_or_damaged_is_refused_in_a_line(monkeypatch, tmp_path, source, said):
    stand_for(monkeypatch, tmp_path, source)
    with pytest.raises(OptionError) as raised:
        load_resmem()
    assert said in str(raised.value)
    sys.modules.pop("resmem", None)


@pytest.mark.parametrize(
    ("outcome", "said"), [(torch.full((5, 1), torch.nan), "gives nan"), (torch.ones(5, 2), "of shape (5, 2)")]
)
def test_a_network_that_gives_no_number_an_image_is_refused(outcome, said, images):
    class Odd(torch.nn.Module):
        def forward(self, inputs):
            return outcome

    with pytest.raises(MemscopeError, match="resmem 9") as raised:
        predict(Predictor("resmem", "resmem 9", None, 227, Odd()), images[:5], CPU)
    assert said in str(raised.value)
