"""How many images a second does `memscope train-family` train, beside the loop that one would write oneself?

    python benchmarks/throughput.py [--family resnet8] [--widths 4,8,16,32,64] [--models 2,4] [--repeats 2]

Both train the same family on the same balanced subsets for the same number of steps, and ask every model about all
training and test examples; whole processes are timed, in turn, from start to end. The usual loop: one model at a time,
a DataLoader over tensors, torch's default number of threads, float32. Processes take seconds to start, which no run of
any length feels: so each is run with two numbers of models, and the difference is what the further models take. What
the whole command of the larger number took is printed beside it. Machines with more cores than two gain more.
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

EXAMPLES, FRACTION, BATCH = 5000, 0.7, 64


def usual_loop(family: str, width: int, models: int, epochs: int) -> None:
    """Train models one by one as scripts do, and print their test accuracies."""
    dataset = load_dataset("fashion-mnist-5k", examples=EXAMPLES)
    mean, sd = dataset.train_images.mean() / 255, dataset.train_images.std() / 255

    def tensors(images: np.ndarray, labels: np.ndarray) -> TensorDataset:
        pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - mean) / sd
        return TensorDataset(pixels, torch.from_numpy(labels))

    train = tensors(dataset.train_images, dataset.train_labels)
    test = tensors(dataset.test_images, dataset.test_labels)
    accuracies = []
    for number, subset in enumerate(balanced_subsets(EXAMPLES, max(10, models), FRACTION, seed=0)[:models]):
        torch.manual_seed(number)
        model = open_family(family).build(width, dataset.image_shape, dataset.num_classes)
        loader = DataLoader(Subset(train, np.flatnonzero(subset).tolist()), BATCH, shuffle=True, drop_last=True)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=epochs * len(loader))
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


def time_usual(options: argparse.Namespace, width: int, models: int) -> tuple[float, float]:
    """Seconds of the whole process, and the test accuracy."""
    given = ["--usual", f"{width},{models}", "--family", options.family, "--epochs", str(options.epochs)]
    threads_of_its_own = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    start = time.perf_counter()
    told = subprocess.run(
        [sys.executable, __file__, *given], check=True, capture_output=True, text=True, env=threads_of_its_own
    ).stdout
    return time.perf_counter() - start, json.loads(told.splitlines()[-1])["test_accuracy"]


def time_memscope(options: argparse.Namespace, width: int, models: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as directory:
        run, command = str(Path(directory) / "run"), str(Path(sys.executable).parent / "memscope")
        given = ["--data", "fashion-mnist-5k", "--examples", str(EXAMPLES), "--family", options.family, "--no-weights"]
        given += ["--epochs", str(options.epochs), "--batch-size", str(BATCH), "--widths", str(width)]
        start = time.perf_counter()
        subprocess.run([command, "train-family", run, *given, "--models", str(models)], check=True, capture_output=True)
        seconds = time.perf_counter() - start
        told = subprocess.run([command, "score", run, "--json"], check=True, capture_output=True, text=True).stdout
    return seconds, json.loads(told)["sizes"][0]["test_accuracy"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", default="resnet8")
    parser.add_argument("--widths", default="4,8,16,32,64")
    parser.add_argument("--models", default="10,20", help="two numbers of models, in whole blocks of ten")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--usual", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.usual:
        usual_loop(options.family, *map(int, options.usual.split(",")), options.epochs)
        return
    few, many = (int(number) for number in options.models.split(","))
    images = round(FRACTION * EXAMPLES) * options.epochs
    print(f"{options.family}, {EXAMPLES} images of 28x28, {options.epochs} epochs, {torch.get_num_threads()} threads")
    print("| width | usual, images/s | memscope, images/s | ratio | whole commands | test accuracy, usual | memscope |")
    print("|---|---|---|---|---|---|---|")
    for width in map(int, options.widths.split(",")):
        rows = []
        for _ in range(options.repeats):
            found = {}
            for name, timed in (("usual", time_usual), ("memscope", time_memscope)):
                short, _ = timed(options, width, few)
                found[name] = (short, *timed(options, width, many))
            rows.append(found)
        rates = {
            name: [(many - few) * images / (one[name][1] - one[name][0]) for one in rows]
            for name in ("usual", "memscope")
        }
        ratio = [ours / theirs for ours, theirs in zip(rates["memscope"], rates["usual"], strict=True)]
        whole = np.median([one["usual"][1] / one["memscope"][1] for one in rows])
        print(
            f"| {width} | {np.median(rates['usual']):,.0f} | {np.median(rates['memscope']):,.0f} | "
            f"{np.median(ratio):.2f} ({min(ratio):.2f} to {max(ratio):.2f}) | {whole:.2f} | "
            f"{rows[0]['usual'][2]:.3f} | {rows[0]['memscope'][2]:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
