"""Which way trains many small networks fastest on a GPU? Training steps alone, images there already, no evaluation.

    python -m benchmarks.gpu_ways [--family resnet8] [--widths 4,16,64] [--models 8,32,128] [--precision bfloat16]

Of every width, images a second (of all models together) of: one model step by step; one model as a CUDA graph; K
models on K streams in one graph; a group by vmap as `train-family` does it, its step as a graph; a group by grouped
convolutions in channels_last memory; a group by unfolded images and batched products of matrices, as a graph, and
with `--compile` the same through torch's compiler. `--plain` leaves cuDNN's search for the fastest algorithm out.
"""

import argparse
import gc
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, cross_entropy, pad, relu

from memscope.families import open_family
from memscope.families.cnn import AddedConvolution
from memscope.families.resnet import ResidualBlock
from memscope.plan.recipe import Recipe
from memscope.training.backends.vectorised.cuda_graph import record
from memscope.training.backends.vectorised.group import side_by_side
from memscope.training.backends.vectorised.stack import stack
from memscope.training.draws import Draws, build_model
from memscope.training.inputs import Inputs, autocast
from memscope.training.optimiser import descend, parameter_groups

RECIPE = Recipe(learning_rate=1e-4)
Step = Callable[[], None]


def examples(options: argparse.Namespace, device: torch.device) -> Inputs:
    torch.manual_seed(0)
    side, channels = options.side, options.channels
    return Inputs(
        images=torch.randint(0, 256, (10_000, side, side, channels), dtype=torch.uint8, device=device),
        labels=torch.randint(0, 10, (10_000,), device=device),
        mean=torch.full((channels,), 120.0, device=device),
        scale=torch.full((channels,), 1 / 70, device=device),
        precision=options.precision,
    )


def models(options: argparse.Namespace, width: int, count: int, device: torch.device) -> list[nn.Module]:
    family = open_family(options.family)
    shape = (options.side, options.side, options.channels)
    return [build_model(family.build, Draws(0, width, k), shape, 10).to(device).train() for k in range(count)]


def fixed_rates(groups: list, device: torch.device) -> list[Tensor]:
    return [torch.full((), 1e-4 * group.relative_rate, device=device) for group in groups]


def step_of_one(model: nn.Module, data: Inputs, batch: int) -> Step:
    groups = parameter_groups(model, RECIPE)
    rates = fixed_rates(groups, data.device)
    index = torch.randint(0, len(data.images), (batch,), device=data.device)

    def step() -> None:
        with autocast(data.device, data.precision):
            logits = model(data.of(index))
        cross_entropy(logits.float(), data.labels[index]).backward()
        for group, rate in zip(groups, rates, strict=True):
            descend(group, rate, RECIPE.momentum)

    return step


def step_on_streams(some: list[nn.Module], data: Inputs, batch: int) -> Step:
    steps = [step_of_one(model, data, batch) for model in some]
    streams = [torch.cuda.Stream(data.device) for _ in steps]

    def step() -> None:
        main = torch.cuda.current_stream(data.device)
        for one, stream in zip(steps, streams, strict=True):
            stream.wait_stream(main)
            with torch.cuda.stream(stream):
                one()
            main.wait_stream(stream)

    return step


def step_of_group(
    some: list[nn.Module], data: Inputs, batch: int, logits_of: Callable[[dict, Tensor], Tensor] | None = None
) -> Step:
    """By vmap, or by `logits_of` parameters and inputs [G, B, C, H, W]."""
    stacked, count = stack(some, data.device), len(some)
    groups = parameter_groups(some[0], RECIPE, stacked.parameters)
    rates = fixed_rates(groups, data.device)
    index = torch.randint(0, len(data.images), (count * batch,), device=data.device)

    def step() -> None:
        images = data.images[index].unflatten(0, (count, batch))
        inputs = side_by_side(images, data.mean, data.scale)
        if logits_of:
            logits = logits_of(stacked.parameters, inputs)
        else:
            with autocast(data.device, data.precision):
                logits = stacked.logits(inputs)
        loss = cross_entropy(logits.float().flatten(0, 1), data.labels[index], reduction="none")
        (loss.sum() / batch).backward()
        for group, rate in zip(groups, rates, strict=True):
            descend(group, rate, RECIPE.momentum)

    return step


Convolve = Callable[[nn.Sequential, str, dict, Tensor], Tensor]
"""(layer with its normalisation, its name, parameters, maps) -> maps"""


def through(skeleton: nn.Module, convolve: Convolve, parameters: dict, maps: Tensor) -> Tensor:
    """Maps after the last block of a network, given how convolutions are done."""
    for name, layer in skeleton.named_children():
        if isinstance(layer, nn.Sequential):
            maps = convolve(layer, name, parameters, maps)
        elif isinstance(layer, AddedConvolution):
            maps = maps + convolve(layer.convolution, f"{name}.convolution", parameters, maps)
        elif isinstance(layer, ResidualBlock):
            short = maps
            if isinstance(layer.shortcut, nn.Sequential):
                short = convolve(layer.shortcut, f"{name}.shortcut", parameters, maps)
            inner = convolve(layer.residual[0], f"{name}.residual.0", parameters, maps)
            maps = relu(short + convolve(layer.residual[1], f"{name}.residual.1", parameters, inner))
    return maps


def classified(skeleton: nn.Module, parameters: dict, maps: Tensor, over: tuple[int, int]) -> Tensor:
    """Logits [G, B, classes] of maps whose rows and columns are the axes `over`, [G, B, ...] without them."""
    pooling = next(layer for layer in skeleton if isinstance(layer, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d))
    features = maps.float().mean(dim=over) if isinstance(pooling, nn.AdaptiveAvgPool2d) else maps.float().amax(dim=over)
    name = str(len(skeleton) - 1)
    return torch.baddbmm(parameters[f"{name}.bias"][:, None], features, parameters[f"{name}.weight"].transpose(1, 2))


def unfolded(skeleton: nn.Module, kind: torch.dtype) -> Callable[[dict, Tensor], Tensor]:
    """The network by unfolded images and batched products; running statistics are left out, which costs little."""

    def convolve(layer: nn.Sequential, name: str, parameters: dict, maps: Tensor) -> Tensor:
        conv = layer[0]
        kernel, stride = conv.kernel_size[0], conv.stride[0]
        weight = parameters[f"{name}.0.weight"].to(kind)  # [G, out, in, k, k]
        models, batch = maps.shape[:2]
        side = -(-maps.shape[2] // stride)
        if kernel > 1:
            wide = pad(maps, (0, 0, 1, 1, 1, 1))
            taps = [
                wide[:, :, r : r + stride * (side - 1) + 1 : stride, c : c + stride * (side - 1) + 1 : stride]
                for r in range(kernel)
                for c in range(kernel)
            ]
            columns = torch.cat(taps, dim=-1)
        else:
            columns = maps[:, :, ::stride, ::stride]
        turned = weight.permute(0, 3, 4, 2, 1).reshape(models, -1, weight.shape[1])
        out = torch.bmm(columns.reshape(models, batch * side * side, -1), turned)
        exact = out.float()
        variance, mean = torch.var_mean(exact, dim=1, keepdim=True, correction=0)
        scale = parameters[f"{name}.1.weight"][:, None] * torch.rsqrt(variance + 1e-5)
        out = ((exact - mean) * scale + parameters[f"{name}.1.bias"][:, None]).to(kind)
        if len(layer) > 2:
            out = relu(out)
        return out.view(models, batch, side, side, -1)

    def logits(parameters: dict, inputs: Tensor) -> Tensor:
        maps = through(skeleton, convolve, parameters, inputs.permute(0, 1, 3, 4, 2).to(kind))
        return classified(skeleton, parameters, maps, (2, 3))

    return logits


def grouped(skeleton: nn.Module, kind: torch.dtype) -> Callable[[dict, Tensor], Tensor]:
    """The network by grouped convolutions of maps [B, G C, H, W] in channels_last memory."""

    def convolve(layer: nn.Sequential, name: str, parameters: dict, maps: Tensor) -> Tensor:
        conv = layer[0]
        weight = parameters[f"{name}.0.weight"].to(kind)
        models = len(weight)
        kernels = weight.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        out = conv2d(maps, kernels, None, conv.stride, conv.padding, groups=models)
        scale, shift = (parameters[f"{name}.1.{of}"].flatten() for of in ("weight", "bias"))
        out = batch_norm(out, None, None, scale, shift, training=True)
        return relu(out) if len(layer) > 2 else out

    def logits(parameters: dict, inputs: Tensor) -> Tensor:
        models = len(inputs)
        side_by_side = inputs.transpose(0, 1).flatten(1, 2).to(kind).contiguous(memory_format=torch.channels_last)
        maps = through(skeleton, convolve, parameters, side_by_side)
        return classified(skeleton, parameters, maps.unflatten(1, (models, -1)).transpose(0, 1), (3, 4))

    return logits


def seconds_of(step: Step, device: torch.device, least: float) -> float:
    """Of a step: the median of three runs of about `least` seconds each."""

    def run(count: int) -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        start = time.perf_counter()
        for _ in range(count):
            step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return (time.perf_counter() - start) / count

    run(2)
    count = max(2, round(least / run(2)))
    return sorted(run(count) for _ in range(3))[1]


def ways(
    options: argparse.Namespace, width: int, data: Inputs
) -> Iterator[tuple[str, int, Callable[[], tuple[Step, bool]]]]:
    """Name, models, and what builds a step and says whether it is to be recorded."""
    batch, device = options.batch, data.device
    kind = torch.bfloat16 if options.precision == "bfloat16" else torch.float32

    def some(count: int) -> list[nn.Module]:
        return models(options, width, count, device)

    yield "one by one", 1, lambda: (step_of_one(some(1)[0], data, batch), False)
    yield "one, graph", 1, lambda: (step_of_one(some(1)[0], data, batch), True)
    counts = [int(count) for count in options.models.split(",")]
    if device.type == "cuda":
        for count in counts[:2]:
            yield "streams, graph", count, lambda count=count: (step_on_streams(some(count), data, batch), True)
    for count in counts:
        yield "vmap, graph", count, lambda count=count: (step_of_group(some(count), data, batch), True)
    for count in counts[1:]:
        of = grouped(some(1)[0], kind)
        yield "grouped, graph", count, lambda count=count, of=of: (step_of_group(some(count), data, batch, of), True)
    for count in counts[1:]:
        of = unfolded(some(1)[0], kind)
        yield "unfolded, graph", count, lambda count=count, of=of: (step_of_group(some(count), data, batch, of), True)
    if options.compile:
        of = torch.compile(unfolded(some(1)[0], kind))
        yield (
            "unfolded, compiled",
            counts[-1],
            lambda of=of: (step_of_group(some(counts[-1]), data, batch, of), True),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", default="resnet8")
    parser.add_argument("--widths", default="4,16,64")
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--models", default="8,32,128")
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--only", default="", help="ways whose name begins so, beside one by one")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=1e9, help="after which nothing more is begun")
    options = parser.parse_args()
    began = time.perf_counter()
    device = torch.device(options.device)
    torch.backends.cudnn.benchmark = not options.plain
    data = examples(options, device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}, {options.family} on {options.side}x{options.side}x{options.channels},")
    print(f"batch {options.batch}, {options.precision}\n")
    print("| width | way | models | images/s | ratio | memory, GB | [s]\n|---|---|---|---|---|---|---|", flush=True)
    for width in (int(width) for width in options.widths.split(",")):
        alone = None
        for way, count, build in ways(options, width, data):
            if time.perf_counter() - began > options.seconds:
                return
            if way != "one by one" and not way.startswith(options.only):
                continue
            try:
                step, recorded = build()
                if recorded and device.type == "cuda":
                    step = record(step, device)
                rate = count * options.batch / seconds_of(step, device, 0.15)
            except Exception as error:  # one way that fails is told, and the others go on
                print(f"| {width} | {way} | {count} | {type(error).__name__}: {str(error)[:160]!r} |", flush=True)
            else:
                alone = alone or rate
                room = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
                spent = time.perf_counter() - began
                print(
                    f"| {width} | {way} | {count} | {rate:,.0f} | {rate / alone:.1f} | {room:.2f} | {spent:.0f}",
                    flush=True,
                )
            step = None
            gc.collect()
            if device.type == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats(device)


if __name__ == "__main__":
    main()
