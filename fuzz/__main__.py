"""`python -m fuzz`: run cases in watched child processes; a crash, a hang or a finding names its case.

A child works through a range of numbers of one format and says each number before it begins. Its memory is limited
(RLIMIT_AS), its standard error is watched, and when it dies or falls silent the next child goes on behind the case that
was its last.
"""

import argparse
import os
import queue
import resource
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

SILENCE = 60.0
"""Seconds after which a case hangs. Slow ones (over `cases.SECONDS`) report themselves."""
ADDRESS_SPACE = 6 * 2**30
"""Bytes: torch, which the plan's module loads, reserves two of them."""

SHARES = {
    "idx": 20, "cifar-binary": 14, "cifar-python": 10, "npz": 18, "hdf5": 12, "hf": 2, "images": 8, "plan": 20, "run": 4,
    "scores": 6, "changes": 6, "pairs": 6, "weights": 6, "predictor": 4,
}  # fmt: skip
"""For every hundred cases that are asked for, a few more. A case of a run takes 40 ms of a core, one of a plan 3."""


def child(form: str, first: int, last: int) -> None:
    """Run the cases and print a line for each."""
    from fuzz.cases import Finding, run_case

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    run_case(form, 0)  # imports and caches are not to count as the first case's time and memory
    for number in range(first, last):
        print(f"begin {number}", flush=True)
        try:
            answer = run_case(form, number)
        except Finding as finding:
            print(f"finding {number} {' '.join(ascii(str(finding)).split())}", flush=True)
        else:
            print("read" if answer == "read" else "refused", flush=True)


def supervise(form: str, first: int, last: int, log: Path) -> tuple[Counter, list[str]]:
    """Run cases first to last - 1 of a format in children; how they ended, and the findings."""
    ended: Counter = Counter()
    findings = []
    while first < last:
        current = first
        with open(log, "wb") as stderr:
            command = [sys.executable, "-m", "fuzz", "--child", form, str(first), str(last)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=follow, args=(process.stdout, lines), daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=SILENCE)
            except queue.Empty:
                process.kill()
                findings.append(f"{form} {current}: hangs")
                break
            if line is None:
                break
            word, _, rest = line.partition(" ")
            if word == "begin":
                current = int(rest)
            elif word == "finding":
                findings.append(f"{form} {rest}")
                print(findings[-1], flush=True)
            elif word in ("read", "refused"):
                ended[word] += 1
        if process.wait() not in (0, -9):
            findings.append(
                f"{form} {current}: the process died ({process.returncode}): {log.read_text(errors='replace')[-300:]!a}"
            )
        if process.returncode:
            print(findings[-1], flush=True)
        first = current + 1
    return ended, findings


def follow(stream, lines: queue.Queue) -> None:
    for line in stream:
        lines.put(line.rstrip("\n"))
    lines.put(None)


def replay(form: str, number: int) -> None:
    """One case here, with its traceback; its files stay."""
    from random import Random

    from fuzz.cases import FORMATS, Finding, run_case

    kept = Path(tempfile.mkdtemp(prefix=f"memscope-{form}-{number}-"))
    print("files:", FORMATS[form].write(Random(f"{form} {number}"), kept))
    try:
        print(run_case(form, number))
    except Finding:
        traceback.print_exc()
        sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case of each format")
    parser.add_argument("--format", choices=SHARES)
    parser.add_argument("--case", type=int, help="run one case of --format and show what it comes to")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], int(options.child[1]), int(options.child[2]))
        return
    if options.case is not None:
        if options.format is None:
            parser.error("--case needs --format")
        replay(options.format, options.case)
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    shares = {options.format: 100} if options.format else SHARES
    everything: list[str] = []
    total = 0
    with tempfile.TemporaryDirectory() as place:
        for form, share in shares.items():
            start, count = time.monotonic(), -(-options.cases * share // 100)
            ended, findings = supervise(form, options.first, options.first + count, Path(place, "stderr"))
            everything += findings
            total += count
            print(
                f"{form}: {count:,} cases, {ended['read']:,} read, {ended['refused']:,} refused, {len(findings)} findings, "
                f"{time.monotonic() - start:.0f} s",
                flush=True,
            )
    print(f"{total:,} cases, {len(everything)} findings")
    for finding in everything:
        form, number = finding.split()[:2]
        print(f"{finding}\n    python -m fuzz --format {form} --case {number.rstrip(':')}")
    sys.exit(1 if everything else 0)


if __name__ == "__main__":
    main()
