"""The archived runs, and what every command prints of them as JSON."""

import tarfile
from pathlib import Path

from click.testing import CliRunner

from memscope.cli import memscope

HERE = Path(__file__).parent
JSON, GROWN = HERE / "json", HERE / "grown"
OLDER = HERE.parent / "store" / "archive"
ARCHIVES = ("run-1.0", "run-1.1", "everything-1.1")
COMMANDS = {
    "status": ["status"],
    "train-family": ["train-family", "--engine", "inline"],
    "score": ["score"],
    "trajectories": ["trajectories"],
    "resmem": ["resmem", "--engine", "inline"],
    "distill": ["distill", "--engine", "inline"],
    "status-again": ["status"],
}
"""In this order: `status` before anything is computed again, and after it."""
NOT_KEPT = {"run-1.0": ("resmem", "distill"), "run-1.1": ("resmem", "distill")}
"""These runs have no weights and no students."""


def unpacked(archive: str, directory: Path) -> Path:
    """The directory in which the archive's `run` lies."""
    place = HERE if (HERE / f"{archive}.tar.gz").is_file() else OLDER
    with tarfile.open(place / f"{archive}.tar.gz") as packed:
        packed.extractall(directory, filter="data")
    return directory


def printed(archive: str) -> dict[str, str]:
    """What each command prints of the run in the working directory."""
    texts = {}
    for name, (command, *options) in COMMANDS.items():
        if command in NOT_KEPT.get(archive, ()):
            continue
        result = CliRunner().invoke(memscope, [command, "run", *options, "--json"])
        assert result.exit_code == 0, (archive, name, result.output)
        texts[name] = result.stdout
    return texts
