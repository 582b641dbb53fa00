"""What accuracy does a family reach in how many seconds? `cnn` beside `resnet8`, at several widths.

    python -m benchmarks.families [--data fashion-mnist-5k] [--families cnn,resnet8] [--widths 4,8,16,32] [--models 2]

Every model is trained on its subset, 70 % of the examples, with the default recipe and the family's own learning rate,
on one thread, as a worker of `train-family` does. Seconds are of training alone, a mean over models.
"""

import argparse
import time

import numpy as np
import torch

from memscope.datasets import load_dataset
from memscope.families import open_family
from memscope.plan.recipe import Recipe
from memscope.plan.subsets import balanced_subsets
from memscope.store.examples import channel_statistics
from memscope.training.draws import Draws, build_model
from memscope.training.evaluation import evaluate
from memscope.training.inputs import Inputs
from memscope.training.loop import train_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="fashion-mnist-5k")
    parser.add_argument("--examples", type=int)
    parser.add_argument("--label-noise", type=float, default=0.0)
    parser.add_argument("--families", default="cnn,resnet8")
    parser.add_argument("--widths", default="4,8,16,32")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--models", type=int, default=2)
    parser.add_argument("--augment", default="none")
    options = parser.parse_args()
    torch.set_num_threads(1)
    dataset = load_dataset(options.data, examples=options.examples, label_noise=options.label_noise)
    count = len(dataset.train_labels)
    images, labels = torch.from_numpy(dataset.train_images), torch.from_numpy(dataset.train_labels)
    test_images, test_labels = torch.from_numpy(dataset.test_images), torch.from_numpy(dataset.test_labels)
    mean_pixel, sd_pixel = channel_statistics(dataset.train_images)
    mean, scale = torch.tensor(mean_pixel).float(), torch.tensor(1 / np.maximum(sd_pixel, 1)).float()
    data = Inputs(images, labels, mean, scale, "float32")
    test_data = Inputs(test_images, test_labels, mean, scale, "float32")
    subsets = balanced_subsets(count, 10, 0.7, seed=0)[: options.models]
    print(f"{options.data}, {count:,} examples, {options.epochs} epochs, {options.models} models each\n")
    print("| family | width | parameters | seconds | accuracy on the own subset | accuracy out | test accuracy |")
    print("|---|---|---|---|---|---|---|")
    for name in options.families.split(","):
        family = open_family(name)
        recipe = Recipe(epochs=options.epochs, learning_rate=family.learning_rate, augment=options.augment)
        for width in map(int, options.widths.split(",")):
            rows = []
            for number, subset in enumerate(subsets):
                draws = Draws(0, width, number)
                model = build_model(family.build, draws, dataset.image_shape, dataset.num_classes)
                start = time.perf_counter()
                nominal = round(0.7 * count)
                train_model(model, data, np.flatnonzero(subset), nominal, recipe, draws)
                seconds = time.perf_counter() - start
                right = evaluate(model, data)[0] == dataset.train_labels
                test = evaluate(model, test_data)[0] == dataset.test_labels
                rows.append((seconds, right[subset].mean(), right[~subset].mean(), test.mean()))
            parameters = sum(parameter.numel() for parameter in model.parameters())
            seconds, own, out, test = np.mean(rows, axis=0)
            print(
                f"| {name} | {width} | {parameters:,} | {seconds:.1f} | {own:.3f} | {out:.3f} | {test:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
