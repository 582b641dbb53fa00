"""`Unreadable`: why something in a file is not read, and what its owner can do about it."""

HOSTILE = "it is damaged or hostile, get the file again"
"""Of what no honest program writes, and of nothing else."""

ELSEWHERE = "read it where that is and write the values into one file, as h5py's FILE[NAME] = OTHER[NAME][()] does"
"""Of what an HDF5 file only refers to."""


class Unreadable(ValueError):
    """Something in a file that is not read; `remedy` is what to do about it."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.remedy = remedy
