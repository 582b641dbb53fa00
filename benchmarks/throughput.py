"""How many images a second does `memscope train-family` train, beside the loop that one would write oneself?

    python -m benchmarks.throughput [--family resnet8] [--widths 4,8,16,32,64] [--examples 500] [--repeats 1]

Both train twenty models of a family on the same balanced subsets of 500 images, or more, for the same number of
steps, and ask every model about all training and 100 test examples; whole processes are timed, from start to end, in
turn. The usual loop: one model at a time, a DataLoader over tensors, torch's default number of threads, float32. Wider
networks are trained for fewer epochs, so that it ends. Machines with more cores than two gain more.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from benchmarks import Row, show
from memscope.datasets import load_dataset
from memscope.families import open_family
from memscope.plan.subsets import balanced_subsets

TEST, FRACTION, BATCH, MODELS = 100, 0.7, 64, 20
FEW = 4
"""Models that the usual loop trains on many images"""
EPOCHS = {4: 5, 8: 4, 16: 2, 32: 1, 64: 1}


def write_images(path: Path, examples: int) -> str:
    """The data set of all runs; what names it."""
    dataset = load_dataset("fashion-mnist-5k", examples=examples)
    np.savez(
        path,
        train_images=dataset.train_images,
        train_labels=dataset.train_labels,
        test_images=dataset.test_images[:TEST],
        test_labels=dataset.test_labels[:TEST],
    )
    return f"npz:{path}"


def usual_loop(data: str, family: str, width: int, epochs: int) -> None:
    """Train models one by one as scripts do, and print their test accuracies."""
    dataset = load_dataset(data)
    mean, sd = dataset.train_images.mean() / 255, dataset.train_images.std() / 255

    def tensors(images: np.ndarray, labels: np.ndarray) -> TensorDataset:
        pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - mean) / sd
        return TensorDataset(pixels, torch.from_numpy(labels))

    train = tensors(dataset.train_images, dataset.train_labels)
    test = tensors(dataset.test_images, dataset.test_labels)
    accuracies = []
    subsets = balanced_subsets(len(train), MODELS, FRACTION, seed=0)
    if len(train) > 1000:  # so that wide networks end: a model takes as long as another
        subsets = subsets[:FEW]
    for number, subset in enumerate(subsets):
        torch.manual_seed(number)
        chosen = open_family(family)
        model = chosen.build(width, dataset.image_shape, dataset.num_classes)
        loader = DataLoader(Subset(train, np.flatnonzero(subset).tolist()), BATCH, shuffle=True, drop_last=True)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
        rate, steps = chosen.learning_rate, epochs * len(loader)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, anneal_strategy="linear")
        model.train()
        for _ in range(epochs):
            for images, labels in loader:
                loss = nn.functional.cross_entropy(model(images), labels)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        model.eval()
        correct = []
        with torch.no_grad():
            for part in (train, test):
                right = [model(images).argmax(1) == labels for images, labels in DataLoader(part, 512)]
                correct.append(torch.cat(right).numpy())
        accuracies.append(correct[1].mean())
    print(json.dumps({"test_accuracy": float(np.mean(accuracies)), "models": len(accuracies)}))


def time_usual(data: str, family: str, width: int, epochs: int) -> tuple[float, float]:
    """Seconds of the whole process, and the mean test accuracy."""
    threads_of_its_own = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, "-m", "benchmarks.throughput", "--family", family, "--usual", f"{data},{width},{epochs}"]
    start = time.perf_counter()
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=threads_of_its_own).stdout
    return time.perf_counter() - start, json.loads(told.splitlines()[-1])["test_accuracy"]


def time_memscope(data: str, family: str, width: int, epochs: int) -> tuple[float, float]:
    """The same of `memscope train-family`; the accuracy as `memscope score` tells it."""
    with tempfile.TemporaryDirectory() as directory:
        run, command = str(Path(directory) / "run"), str(Path(sys.executable).parent / "memscope")
        given = ["--data", data, "--family", family, "--widths", str(width), "--models", str(MODELS), "--no-weights"]
        given += ["--epochs", str(epochs), "--batch-size", str(BATCH), "--fraction", str(FRACTION)]
        start = time.perf_counter()
        subprocess.run([command, "train-family", run, *given], check=True, capture_output=True)
        seconds = time.perf_counter() - start
        told = subprocess.run([command, "score", run, "--json"], check=True, capture_output=True, text=True).stdout
    return seconds, json.loads(told)["sizes"][0]["test_accuracy"]


def rows(family: str, widths: list[int], examples: int, repeats: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as directory:
        data = write_images(Path(directory) / "images.npz", examples)
        for width in widths:
            epochs = EPOCHS.get(width, 1 if width > 64 else 5)
            images = MODELS * round(FRACTION * examples) * epochs
            found = np.array(
                [
                    (*time_usual(data, family, width, epochs), *time_memscope(data, family, width, epochs))
                    for _ in range(repeats)
                ]
            )
            usual, usual_accuracy, ours, accuracy = np.median(found, axis=0)
            note = f"{images / ours:,.0f}, {images / usual:,.0f} images/s; "
            note += f"test accuracy {accuracy:.2f}, {usual_accuracy:.2f}"
            yield Row(f"train-family, {family}, width {width}", "usual loop", list(found[:, 0] / found[:, 2]), note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", default="resnet8")
    parser.add_argument("--widths", default="4,8,16,32,64")
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--usual", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.usual:
        data, width, epochs = options.usual.rsplit(",", 2)
        usual_loop(data, options.family, int(width), int(epochs))
        return
    widths = [int(width) for width in options.widths.split(",")]
    for number, row in enumerate(rows(options.family, widths, options.examples, options.repeats)):
        show([row], head=number == 0)


if __name__ == "__main__":
    main()
