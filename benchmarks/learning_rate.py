"""Does one learning rate serve all widths? Accuracy on the subset and on the test set, over width and rate.

    python -m benchmarks.learning_rate [--examples 1000] [--epochs 20] [--seeds 2]

Trains every family at several widths and rates on 70 % of fashion-mnist-5k's examples, a tenth of the labels
flipped, with the classifier's rate divided by its inputs as memscope does it, and not divided. A rate transfers
where the best row is the same at every width.
"""

import argparse
from unittest.mock import patch

import numpy as np
import torch

from memscope.datasets import load_dataset
from memscope.families import open_family
from memscope.plan.recipe import Recipe
from memscope.plan.subsets import balanced_subsets
from memscope.store.examples import channel_statistics
from memscope.training import draws as drawing
from memscope.training import loop, optimiser
from memscope.training.evaluation import evaluate
from memscope.training.inputs import Inputs

WIDTHS = {"cnn": (2, 8, 32), "resnet8": (2, 4, 8), "airbench": (2, 4, 16), "mlp": (8, 64, 512)}
RATES = (0.025, 0.05, 0.1, 0.2, 0.4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    dataset = load_dataset("fashion-mnist-5k", examples=options.examples, label_noise=0.1)
    images, labels = torch.from_numpy(dataset.train_images), torch.from_numpy(dataset.train_labels)
    test_images, test_labels = torch.from_numpy(dataset.test_images), torch.from_numpy(dataset.test_labels)
    mean_pixel, sd_pixel = channel_statistics(dataset.train_images)
    mean, scale = torch.tensor(mean_pixel).float(), torch.tensor(1 / sd_pixel).float()
    subsets = balanced_subsets(options.examples, options.seeds, 0.7, seed=0)

    def accuracies(name: str, width: int, rate: float) -> str:
        found = []
        for model_number, subset in enumerate(subsets):
            draws = drawing.Draws(0, width, model_number)
            model = drawing.build_model(open_family(name).build, draws, dataset.image_shape, dataset.num_classes)
            recipe = Recipe(epochs=options.epochs, learning_rate=rate)
            size = round(0.7 * options.examples)
            positions = np.flatnonzero(subset)
            data = Inputs(images, labels, mean, scale, "float32")
            course = loop.train_model(model, data, positions, size, recipe, draws)
            if course.diverged:
                return "diverged"
            own, _ = evaluate(model, Inputs(images[positions], labels[positions], mean, scale, "float32"))
            test, _ = evaluate(model, Inputs(test_images, test_labels, mean, scale, "float32"))
            found.append([np.mean(own == labels[positions].numpy()), np.mean(test == test_labels.numpy())])
        own_mean, test_mean = np.mean(found, axis=0)
        return f"{own_mean:.3f} / {test_mean:.3f}"

    print("own subset / test accuracy, mean over models")
    for divided, reference in (("divided", optimiser.CLASSIFIER_REFERENCE), ("not divided", 10**9)):
        with patch.object(optimiser, "CLASSIFIER_REFERENCE", reference):
            for name, widths in WIDTHS.items():
                print(
                    f"\n| {name}, classifier rate {divided} | " + " | ".join(f"width {w}" for w in widths) + " |",
                    flush=True,
                )
                print("|---|" + "---|" * len(widths))
                for rate in RATES:
                    print(
                        f"| {rate} | " + " | ".join(accuracies(name, width, rate) for width in widths) + " |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
