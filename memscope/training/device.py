"""Devices and precision: what `--device auto` and `--precision auto` mean on this machine."""

import torch

from memscope.errors import OptionError

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str) -> str:
    """`cpu`, `cuda` or `mps` for a `--device`; OptionError if this machine does not have it."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if available[device])
    if name not in available:
        raise OptionError(f"the device is {name!r}; it must be one of {', '.join(DEVICES)}")
    if not available[name]:
        raise OptionError(f"the device {name} is not available here; use --device cpu, or auto")
    return name


def worker_device(device: str, worker: int) -> torch.device:
    """The device of one worker: GPUs are dealt out in turn. It becomes the one that this process uses."""
    if device == "cuda":
        found = torch.device("cuda", worker % torch.cuda.device_count())
        torch.cuda.set_device(found)  # otherwise some of torch's queries start using the first GPU too
        return found
    return torch.device(device)


def no_room(error: RuntimeError) -> bool:
    """Whether a GPU ran out of memory, which its libraries report in other ways than torch."""
    return isinstance(error, torch.OutOfMemoryError) or "ALLOC_FAILED" in str(error)


def default_workers(device: str, cores: int) -> int:
    """One worker for each GPU, else for each core."""
    if device == "cuda":
        return torch.cuda.device_count()
    return 1 if device == "mps" else cores


def resolve_precision(name: str, device: str) -> str:
    """`float32` or `bfloat16` for a `--precision`: bfloat16 where the device computes it natively.

    Emulated bfloat16 on a CPU is slower than float32, so it is taken there only where the instructions exist.
    """
    if name != "auto":
        return name
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device == "cpu":
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return "bfloat16" if native else "float32"
    return "float32"


def device_name(device: torch.device) -> str:
    """What is stamped on an outcome: the kind of device, and the GPU's name."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return device.type
