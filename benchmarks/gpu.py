"""How many models an hour, one by one and many at once? And how much of the device's matrix rate is that?

    python -m benchmarks.gpu [--device cuda] [--data cifar:cifar-10] [--family resnet8] [--widths 4,8,16,32,64]

Of every width: the group that `train-family` would choose by its probe; then models trained and evaluated one by one
and in groups of that size, each after a warm-up, on 70 % of the data; the ratio; the mean test accuracy of both, which
must agree; and the achieved floating-point operations of the group's training as a share of the rate of a large
product of matrices in the same precision on the same device. `--group 8` takes that group in place of the probe's.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from memscope.datasets import load_dataset
from memscope.families import open_family
from memscope.plan.plan import Plan
from memscope.store.ledger import Task
from memscope.training.backends import Grouping, train_models
from memscope.training.backends.vectorised.group_size import group_of
from memscope.training.device import device_name, resolve_device
from memscope.training.draws import Draws
from memscope.training.material import Material
from memscope.training.models import TrainedModel
from memscope.work.new_plan import new_plan
from memscope.work.options import Choices, with_defaults


def material_of(options: argparse.Namespace, device: torch.device) -> Material:
    """The data on the device, under a plan as `train-family` makes it."""
    dataset = load_dataset(options.data, examples=options.examples)
    widths = tuple(int(width) for width in options.widths.split(","))
    choices = Choices(data=options.data, family=options.family, widths=widths, epochs=options.epochs)
    plan: Plan = new_plan(with_defaults(choices), dataset, device.type)
    mean, sd = dataset.train_images.mean(axis=(0, 1, 2)), dataset.train_images.std(axis=(0, 1, 2))
    return Material(
        plan=plan,
        family=open_family(plan.family, axis=plan.axis, fixed=plan.fixed),
        images=torch.from_numpy(np.concatenate([dataset.train_images, dataset.test_images])).to(device),
        labels=torch.from_numpy(np.concatenate([dataset.train_labels, dataset.test_labels])).to(device),
        mean=torch.tensor(mean, dtype=torch.float32, device=device),
        scale=torch.tensor(1 / np.maximum(sd, 1), dtype=torch.float32, device=device),
        image_shape=dataset.image_shape,
        num_train=len(dataset.train_labels),
        num_classes=dataset.num_classes,
    )


def timed(material: Material, width: int, models: int, groups: dict[int, Grouping]) -> tuple[float, list[TrainedModel]]:
    """Seconds for so many models, outcomes fetched, and the models. Groups that have no room are made smaller."""
    task = Task("onehot", width, 0, models)
    lone = [(task, model, material.plan.subset(material.num_train, model)) for model in range(models)]
    start = time.perf_counter()
    found = list(train_models(material, False, lone, groups))
    return time.perf_counter() - start, found


def operations(material: Material, width: int) -> float:
    """Floating-point operations of training one model: forward and backward of all its steps."""
    plan = material.plan
    network = material.untrained(Draws(plan.seed, width, 0)).to(material.device)
    height, wide, channels = material.image_shape
    batch = torch.zeros(plan.recipe.batch_size, channels, height, wide, device=material.device)
    with FlopCounterMode(display=False) as counter:
        network(batch).sum().backward()
    return counter.get_total_flops() * plan.recipe.steps(round(material.num_train * plan.fraction))


def peak_rate(device: torch.device, precision: str) -> float:
    """Operations per second of a product of large matrices."""
    side = 8192 if device.type == "cuda" else 1024
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32  # as the convolutions of float32 do
    left, right = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))

    def seconds() -> float:
        start = time.perf_counter()
        for _ in range(10):
            product = left @ right
        float(product[0, 0])  # waits for the device
        return time.perf_counter() - start

    seconds()
    return 10 * 2 * side**3 / min(seconds() for _ in range(3))


def accuracy(material: Material, found: list[TrainedModel]) -> float:
    labels = material.labels[material.num_train :].cpu().numpy()
    return float(np.mean([(one.predictions[material.num_train :] == labels).mean() for one in found]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data", default="fashion-mnist-5k")
    parser.add_argument("--examples", type=int)
    parser.add_argument("--family", default="resnet8")
    parser.add_argument("--widths", default="4,8,16,32,64")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--models", type=int, default=2, help="models trained one by one, and groups trained")
    parser.add_argument("--group", type=int)
    options = parser.parse_args()
    name = resolve_device(options.device)
    device = torch.device(name)
    if name == "cpu":
        torch.set_num_threads(1)
    material = material_of(options, device)
    plan = material.plan
    peak = peak_rate(device, plan.precision)
    print(
        f"{device_name(device)}, torch {torch.__version__}, {plan.family} on {options.data}, {options.epochs} epochs,"
    )
    print(
        f"{material.num_train:,} examples at fraction {plan.fraction:g}, {plan.precision}; products of large matrices:"
    )
    print(f"{peak / 1e12:.2f} TFLOP/s\n")
    print("| width | group | one by one, models/h | at once, models/h | ratio | s/model | share of peak | test acc. |")
    print("|---|---|---|---|---|---|---|---|")
    warm = replace(material, plan=replace(plan, recipe=replace(plan.recipe, epochs=1)))
    for width in plan.sizes:
        group = options.group or group_of(material, width)
        timed(warm, width, 1, {})
        alone, single = timed(material, width, options.models, {})
        alone /= options.models
        if group:
            groups = {width: Grouping("vectorised", group)}
            timed(warm, width, group, groups)
            group = groups[width].models
            count = group * options.models
            seconds, together = timed(material, width, count, groups)
            each = seconds / count
        else:
            each, together = alone, single
        share = operations(material, width) / each / peak
        print(
            f"| {width} | {group} | {3600 / alone:,.0f} | {3600 / each:,.0f} | {alone / each:.2f} | {each:.3f} | "
            f"{share:.1%} | {accuracy(material, single):.3f}, {accuracy(material, together):.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
