"""What a canvas of the page shows, as a number to compare."""

import numpy as np

# Of what a canvas shows: a sum that no two of the made images share
CHECKSUM = """
const checksum = (canvas) => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let at = 0; at < data.length; at++) if (at % 4 < 3) sum += data[at] * (1 + (at * 7919) % 10007);
  return sum;
};
"""


def checksums(images: np.ndarray) -> np.ndarray:
    """The same of the images themselves."""
    count, height, width, _ = images.shape
    at = np.arange(height * width * 4).reshape(height, width, 4)[..., :3]
    return (images.reshape(count, -1).astype(np.int64) * (1 + at.ravel() * 7919 % 10007)).sum(1)
