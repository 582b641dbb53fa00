"""A learner whose every answer can be said without this program: the nearest example of its subset.

`--trainer tests.steps.nearest:train`. Models of a smaller size see only the first rows of an image.
"""

import numpy as np


def train(data, subset, seeds, size):
    rows = slice(0, 2 * size)
    seen = [images[:, rows].reshape(len(images), -1).astype(int) for images in (data.train_images, data.test_images)]
    everything = np.concatenate(seen)
    distance = ((everything[:, np.newaxis] - seen[0][subset]) ** 2).sum(2)
    return data.train_labels[subset][distance.argmin(1)], None
