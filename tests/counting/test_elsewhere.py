"""Images of another run that predictors know, whatever their size and colours there."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from memscope.analysis.example_split import Split
from memscope.counting.elsewhere import known_there

OURS = 240


def pictures(random: np.random.Generator, count: int) -> np.ndarray:
    """Smooth coloured images, uint8 [count, 16, 16, 3]."""
    small = random.integers(0, 256, (count, 5, 5, 3)).astype(np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((16, 16), Image.Resampling.BICUBIC)) for one in small])


def run_of(images: np.ndarray) -> SimpleNamespace:
    return SimpleNamespace(
        dataset=lambda: SimpleNamespace(train_images=images), examples=SimpleNamespace(image_shape=images.shape[1:])
    )


def larger(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((24, 24), Image.Resampling.BILINEAR))


def grey(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).convert("L"))[..., np.newaxis]


@pytest.mark.parametrize("changed", [lambda image: image, lambda image: image // 2 + 60, larger])
def test_images_that_are_fitted_to_are_found_at_another_size_and_nearly_equal(changed):
    random = np.random.default_rng(0)
    ours = pictures(random, OURS)
    every = np.arange(OURS)
    split = Split(every[:160], every[160:200], every[200:])
    shared = random.permutation(OURS)[:100]
    theirs = np.stack([changed(one) for one in (*ours[shared], *pictures(random, 150))])
    found = known_there(run_of(ours), run_of(theirs), split)
    assert np.array_equal(np.flatnonzero(found), np.flatnonzero(shared < 200))


def test_images_in_colours_are_found_where_predictors_saw_them_grey():
    random = np.random.default_rng(1)
    theirs = pictures(random, 200)
    ours = np.stack([grey(one) for one in theirs[:120]])
    every = np.arange(120)
    found = known_there(run_of(ours), run_of(theirs), Split(every[:80], every[80:100], every[100:]))
    assert np.array_equal(np.flatnonzero(found), every[:100])
