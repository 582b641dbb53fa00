"""How many images a second does `memscope train-family` train, beside the loop that one would write oneself?

    python benchmarks/throughput.py [--family resnet8] [--widths 4,8,16,32,64] [--repeats 1]

Both train twenty models of a family on the same balanced subsets of 1,000 images for the same number of steps, and ask
every model about all training and test examples; whole processes are timed, from start to end, in turn. The usual
loop: one model at a time, a DataLoader over tensors, torch's default number of threads, float32. Wider networks are
trained for fewer epochs, so that it ends. Machines with more cores than two gain more.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from memscope.datasets import load_dataset
from memscope.families import open_family
from memscope.subsets import balanced_subsets

EXAMPLES, FRACTION, BATCH, MODELS = 1000, 0.7, 64, 20
EPOCHS = {4: 5, 8: 5, 16: 3, 32: 2, 64: 1}


def usual_loop(family: str, width: int, epochs: int) -> None:
    """Train models one by one as scripts do, and print their test accuracies."""
    dataset = load_dataset("fashion-mnist-5k", examples=EXAMPLES)
    mean, sd = dataset.train_images.mean() / 255, dataset.train_images.std() / 255

    def tensors(images: np.ndarray, labels: np.ndarray) -> TensorDataset:
        pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - mean) / sd
        return TensorDataset(pixels, torch.from_numpy(labels))

    train = tensors(dataset.train_images, dataset.train_labels)
    test = tensors(dataset.test_images, dataset.test_labels)
    accuracies = []
    for number, subset in enumerate(balanced_subsets(EXAMPLES, MODELS, FRACTION, seed=0)):
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
    print(json.dumps({"test_accuracy": float(np.mean(accuracies))}))


def time_usual(family: str, width: int, epochs: int) -> tuple[float, float]:
    """Seconds of the whole process, and the mean test accuracy."""
    threads_of_its_own = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, __file__, "--family", family, "--usual", f"{width},{epochs}"]
    start = time.perf_counter()
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=threads_of_its_own).stdout
    return time.perf_counter() - start, json.loads(told.splitlines()[-1])["test_accuracy"]


def time_memscope(family: str, width: int, epochs: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as directory:
        run, command = str(Path(directory) / "run"), str(Path(sys.executable).parent / "memscope")
        given = ["--data", "fashion-mnist-5k", "--examples", str(EXAMPLES), "--family", family, "--no-weights"]
        given += ["--epochs", str(epochs), "--batch-size", str(BATCH), "--widths", str(width), "--models", str(MODELS)]
        start = time.perf_counter()
        subprocess.run([command, "train-family", run, *given], check=True, capture_output=True)
        seconds = time.perf_counter() - start
        told = subprocess.run([command, "score", run, "--json"], check=True, capture_output=True, text=True).stdout
    return seconds, json.loads(told)["sizes"][0]["test_accuracy"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", default="resnet8")
    parser.add_argument("--widths", default="4,8,16,32,64")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--usual", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.usual:
        usual_loop(options.family, *map(int, options.usual.split(",")))
        return
    print(f"{options.family}, {MODELS} models of {EXAMPLES} images of 28x28 at fraction {FRACTION}, batches of {BATCH}")
    print("| width | epochs | usual, images/s | memscope, images/s | ratio (range) | test accuracy, usual | memscope |")
    print("|---|---|---|---|---|---|---|")
    for width in map(int, options.widths.split(",")):
        epochs = EPOCHS.get(width, 1 if width > 64 else 10)
        images = MODELS * round(FRACTION * EXAMPLES) * epochs
        rows = [
            (*time_usual(options.family, width, epochs), *time_memscope(options.family, width, epochs))
            for _ in range(options.repeats)
        ]
        usual, _, ours, _ = np.median(rows, axis=0)
        ratios = [row[0] / row[2] for row in rows]
        print(
            f"| {width} | {epochs} | {images / usual:,.0f} | {images / ours:,.0f} | {np.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}) | {rows[0][1]:.3f} | {rows[0][3]:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
