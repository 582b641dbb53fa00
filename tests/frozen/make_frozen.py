"""Makes a run that holds all there is, and what every command says of it: kept so that nothing changes unseen.

    python -m tests.frozen.make_frozen everything     once, when a kind of result is new; never again for an old archive
    python -m tests.frozen.make_frozen folder         once, by the memscope before new rules of reading; never again
    python -m tests.frozen.make_frozen dynamics       likewise
    python -m tests.frozen.make_frozen json           what the commands print today of every archive, into json/
    python -m tests.frozen.make_frozen grown          what a further block of models predicts, into grown/

`json` is run again only where a change of numbers is meant: its difference belongs into the same commit.
"""

import shutil
import sys
import tarfile
import tempfile
import unicodedata
from contextlib import chdir
from pathlib import Path

import numpy as np
from PIL import Image

from memscope.plan.teaching import Teaching
from memscope.run import open_run
from memscope.steps.distill import distill
from memscope.steps.resmem import resmem
from memscope.steps.score import score
from memscope.steps.train_family import WorkOptions, train_family
from memscope.steps.trajectories import trajectories
from memscope.store.dynamics import check_checkpoints, read_dynamics, recorded_tasks
from memscope.store.format import ENCODING_VERSION
from memscope.work.options import Choices
from tests.frozen.commands import ARCHIVES, GROWN, HERE, JSON, printed, unpacked

INLINE = WorkOptions(device="cpu", engine="inline")


def make_everything() -> None:
    """A folder of images and a run on it with weights, models on all the data, replicates, memories and students."""
    with tempfile.TemporaryDirectory() as directory, chdir(directory):
        make_images(Path("images"))
        choices = Choices(
            data="folder:images", label_noise=0.1, family="cnn", widths=(2, 4), models=20, full=1, epochs=3,
            batch_size=16, learning_rate=0.05, precision="float32",
        )  # fmt: skip
        train_family("run", choices, INLINE, replicates=2)
        score("run")
        trajectories("run")
        resmem("run", options=INLINE)
        distill("run", Teaching(4), options=INLINE)
        with tarfile.open(HERE / f"everything-{ENCODING_VERSION}.tar.gz", "w:gz") as archive:
            for name in ("images", "run"):
                archive.add(name, name)


def make_dynamics() -> None:
    """A run that was recorded while it was trained, with what was read of it then."""
    with tempfile.TemporaryDirectory() as directory, chdir(directory):
        make_images(Path("images"))
        choices = Choices(
            data="folder:images", family="mlp", widths=(2,), models=10, dynamics=10, full=1, epochs=10, batch_size=16,
            precision="float32", backend="torch",
        )  # fmt: skip
        train_family("run", choices, INLINE)
        np.savez_compressed(HERE / f"dynamics-{ENCODING_VERSION}.npz", **recorded("run"))
        with tarfile.open(HERE / f"dynamics-{ENCODING_VERSION}.tar.gz", "w:gz") as archive:
            for name in ("images", "run"):
                archive.add(name, name)


def recorded(path: str) -> dict[str, np.ndarray]:
    """What is read of the dynamics of a run: arrays, and of every checkpoint the sum of the squares of its numbers."""
    run, found = open_run(path), {}
    for task in recorded_tasks(run.plan):
        name = f"{task.variant}-{task.size}-{task.first}"
        dynamics = read_dynamics(run.path, run.plan, task)
        for field in ("in_subset", "correct", "log_odds", "diverged"):
            found[f"{name}-{field}"] = getattr(dynamics, field)
        for model, epochs in check_checkpoints(run.path, run.plan, task).items():
            found[f"{name}-{model}-epochs"] = np.array(list(epochs))
            squares = [[(one.astype(float) ** 2).sum() for one in weights.values()] for weights in epochs.values()]
            found[f"{name}-{model}-squares"] = np.array(squares)
    return found


def make_folder() -> None:
    """A folder with what rules of reading differ in, and a run on it. It was made when there were no newer rules."""
    random = np.random.default_rng(3)
    classes = ("bird", unicodedata.normalize("NFD", "été"))
    patterns = random.integers(0, 256, (2, 12, 12, 3))

    def picture(kind: int) -> np.ndarray:
        return np.clip(patterns[kind] + random.normal(0, 90, (12, 12, 3)), 0, 255).astype(np.uint8)

    with tempfile.TemporaryDirectory() as directory, chdir(directory):
        turned = Image.Exif()
        turned[0x112] = 6
        for part, count in (("train", 14), ("test", 6)):
            for kind, name in enumerate(classes):
                place = Path("images", part, name)
                place.mkdir(parents=True)
                for position in range(count):
                    pixels = picture(kind)
                    if position == 0:
                        Image.fromarray(pixels).save(place / "turned.jpg", exif=turned, quality=95)
                    elif position == 1:
                        alpha = random.integers(0, 2, (12, 12), dtype=np.uint8) * 255
                        Image.fromarray(np.dstack([pixels, alpha])).save(place / "alpha.png")
                    elif position == 2:
                        Image.fromarray(pixels[..., 0].astype(np.uint16) << 2).save(place / "ten-bits.png")
                    elif position == 3:
                        frames = [Image.fromarray(one[..., 0]) for one in (pixels, picture(kind))]
                        frames[0].save(place / "frames.gif", save_all=True, append_images=frames[1:])
                    elif position == 4:
                        Image.fromarray(pixels).quantize(16).save(place / "palette.png", transparency=3)
                    elif position == 5:
                        Image.fromarray(pixels).save(place / "camera.thm", format="JPEG")
                    else:
                        Image.fromarray(pixels).save(place / f"{position:02d}.png")
        more = Path("images/more")
        more.mkdir()
        for position in range(3):
            Image.fromarray(picture(0)).save(more / f"m{position}.png")
        Path("images/train/bird/more").symlink_to("../../more")
        choices = Choices(
            data="folder:images", label_noise=0.1, family="cnn", widths=(2, 4), models=10, epochs=2, batch_size=8,
            precision="float32",
        )  # fmt: skip
        train_family("run", choices, WorkOptions(device="cpu", engine="inline", keep_weights=False))
        shutil.rmtree("run/cache")
        with tarfile.open(HERE / "folder-1.1.tar.gz", "w:gz") as archive:
            for name in ("images", "run"):
                archive.add(name, name)


def make_images(directory: Path) -> None:
    """60 training and 24 test images of 12x12 pixels in three classes; one has a name that a spreadsheet would run."""
    random = np.random.default_rng(0)
    patterns = random.integers(0, 256, (3, 12, 12, 3))
    for part, count in (("train", 20), ("test", 8)):
        for number, kind in enumerate(("bird", "cat", "dog")):
            place = directory / part / kind
            place.mkdir(parents=True)
            for position in range(count):
                noisy = patterns[number] + random.normal(0, 90, (12, 12, 3))
                name = "@x.png" if (part, number, position) == ("train", 0, 0) else f"{kind}{position:02d}.png"
                Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(place / name)
    twin = directory / "train" / "dog"
    (twin / "twin.png").write_bytes((twin / "dog05.png").read_bytes())


def keep_json() -> None:
    for archive in ARCHIVES:
        with tempfile.TemporaryDirectory() as directory, chdir(unpacked(archive, Path(directory))):
            for command, text in printed(archive).items():
                target = JSON / archive / f"{command}.json"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)


def keep_grown() -> None:
    """Subsets and predictions of the block that a growth to 30 models adds."""
    GROWN.mkdir(exist_ok=True)
    for archive in ARCHIVES:
        with tempfile.TemporaryDirectory() as directory, chdir(unpacked(archive, Path(directory))):
            train_family("run", Choices(models=30), INLINE)
            run = open_run("run")
            found = [
                (size, task, outcome) for size in run.plan.sizes for task, outcome in run.outcomes(size)
                if task.first >= 20
            ]  # fmt: skip
            np.savez_compressed(
                GROWN / f"{archive}.npz",
                size=[size for size, task, _ in found for _ in task.models],
                model=[model for _, task, _ in found for model in task.models],
                in_subset=np.concatenate([one.in_subset for _, _, one in found]),
                predicted=np.concatenate([np.hstack([one.predicted_train, one.predicted_test]) for *_, one in found]),
                first_loss=np.concatenate([one.epoch_loss[:, 0] for *_, one in found]),
            )


if __name__ == "__main__":
    {
        "everything": make_everything, "folder": make_folder, "dynamics": make_dynamics, "json": keep_json,
        "grown": keep_grown,
    }[sys.argv[1]]()  # fmt: skip
