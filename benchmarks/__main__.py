"""All claims of speed that a CPU can show, in one table: `make bench`, under 15 minutes of a machine that is idle.

    python -m benchmarks [--repeats 2]

What needs longer, or a GPU, are scripts of their own beside this one: each says what it measures.
"""

import argparse
import platform
from collections.abc import Iterable
from pathlib import Path

import torch

from benchmarks import Row, growth, influence, influence_pairs, residual_memory, show, step, throughput
from memscope.cores import cores
from memscope.training.device import resolve_precision


def processor() -> str:
    """What the system calls its processor, and which wide instructions it has."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    fields = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    named = {key.strip(): value.strip() for key, value in fields.items()}
    wide = [one for one in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if one in named.get("flags", "").split()]
    return f"{named.get('model name', platform.processor() or platform.machine())} ({', '.join(wide) or 'unknown'})"


def all_rows(repeats: int) -> Iterable[Row]:
    yield from influence.rows(50_000, 1_000, 2_000, 8, repeats)  # first: memory is told from this process's peak
    yield from influence_pairs.rows(50_000, 10_000, 400, repeats)
    yield from step.rows("resnet8", [4, 8, 16, 32, 64], repeats)
    yield from residual_memory.rows(50_000, 2_048, 512, 50, repeats)
    yield from growth.rows(repeats)
    yield from throughput.rows("resnet8", [4, 8, 16, 32], 500, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=2)
    repeats = parser.parse_args().repeats
    print(
        f"{processor()}, {cores()} cores, {platform.system()}, Python {platform.python_version()}, torch "
        f"{torch.__version__}, {resolve_precision('auto', 'cpu')}\n"
    )
    show([])
    for row in all_rows(repeats):
        show([row], head=False)


if __name__ == "__main__":
    main()
