"""A page with made examples, as `memscope report` embeds them: for the tests of its scripts in a browser.

Every image is told from all others by its pixels, and every value is known here: what the page shows is compared with
arrays that never went through it.
"""

import base64
import hashlib
import html
import io
import json
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

WEB = Path(__file__).parents[2] / "memscope" / "page" / "web"
TYPES = ("constant", "increasing", "decreasing", "cap-shaped", "u-shaped", "irregular", "undetermined")
SHEET = 2048  # pixels, at most, either way: of what memscope writes
HOSTILE = "<img src=x onerror=alert(1)>"
KINDS = {"uint8": np.uint8, "uint16": np.uint16, "int32": np.int32}


@dataclass
class Carried:
    """What training images carry: pairs, and images that are none of the gallery."""

    rows: np.ndarray  # int32 [6, n]: as `Pairs` of memscope/page/pairs.py has them
    labels: np.ndarray  # of the images, each at a position that is three times its place
    images: np.ndarray  # uint8 [m, H, W, 3]


@dataclass
class Made:
    """Examples with all that a gallery shows of them. Columns are by example, or [row, example]; NaN and -1: none."""

    images: np.ndarray  # uint8 [N, H, W, 3]
    classes: list[str]
    sizes: list[int]
    names: list[str]
    whole: dict[str, np.ndarray]  # labels, types, groups, neighbours
    measured: dict[str, np.ndarray]
    titles: dict[str, str] = field(default_factory=dict)
    carried: Carried | None = None


def with_carried(examples: Made, count: int = 400, seconds: int = 150, seed: int = 5) -> Made:
    """The examples, a tenth of which carry others, at all sizes; a few harm."""
    random = np.random.default_rng(seed)
    total, side = len(examples.images), examples.images.shape[1]
    coarse = random.integers(0, 256, (seconds, 4, 4, 3), dtype=np.uint8)
    rows = np.stack(
        [
            np.sort(random.integers(0, total // 10, count)),
            random.integers(0, seconds, count),
            random.choice(examples.sizes, count),
            random.choice([1, 1, 1, -1], count),
            random.integers(-2_000, 9_000, count),
            random.integers(100, 900, count),
        ]
    ).astype(np.int32)
    rows[4:, ::13] = -(2**31)  # not known
    carries = np.full((len(examples.sizes), total), np.nan)
    for row, size in enumerate(examples.sizes):
        counts = np.bincount(rows[0, (rows[2] == size) & (rows[3] > 0)], minlength=total)
        carries[row] = np.where(counts > 0, counts, np.nan)
    images = np.repeat(np.repeat(coarse, side // 4, axis=1), side // 4, axis=2)
    carried = Carried(rows, random.integers(0, len(examples.classes), seconds), images)
    measured = {**examples.measured, "carries": carries}
    titles = {**examples.titles, "carries": "how many test images it carries"}
    return replace(examples, measured=measured, titles=titles, carried=carried)


def made(count: int, sizes: list[int], seed: int = 0, side: int = 32, classes: int = 10) -> Made:
    """Random examples: a twentieth of the labels are flipped, some images have copies, some values are missing."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    truth = random.integers(0, classes, count)
    flipped = random.random(count) < 0.05
    labels = np.where(flipped, (truth + random.integers(1, classes, count)) % classes, truth)
    score = np.clip(random.normal(0.2, 0.3, (len(sizes), count)), -1, 1)
    score[:, ::97] = np.nan
    suggested = np.where(random.random(score.shape) < 0.8, truth, random.integers(0, classes, score.shape))
    neighbours = random.integers(-1, count, (8, count))
    groups = np.where(random.random(count) < 0.04, random.integers(0, max(1, count // 50), count), -1)
    whole = {
        "example": np.arange(count) * 2 + 1,  # a sample of a larger run
        "index": random.permutation(count),
        "label": labels,
        "true_label": truth,
        "suggested_label": suggested,
        "type": random.integers(-1, 6, count),
        "called_type": random.integers(0, 7, count),
        "population_type": random.integers(0, 7, count),
        "exact_group": groups,
        "near_group": np.where(random.random(count) < 0.05, 0, groups),
        "neighbours": neighbours,
        "flagged_in": random.integers(-1, 8, score.shape),
        "attacked_in": np.full(score.shape, 7),
        "flagged_out": random.integers(-1, 4, score.shape),
        "attacked_out": np.full(score.shape, 3),
    }
    measured = {
        "score": score,
        "score_low": score - 0.15,
        "score_high": np.minimum(score + 0.15, 1),
        "accuracy_in": random.random(score.shape),
        "accuracy_out": random.random(score.shape),
        "suggested_share": random.random(score.shape),
        "population_score": 0.8 * score,
        "population_sd": np.full(score.shape, 0.05),
        "change": score[-1] - score[0],
        "residual": 3 * random.random(score.shape),
        "distillation": random.normal(0, 0.2, score.shape),
        "loss": 5 * random.random(count),
        "log_odds_in": np.rint(20 * random.normal(1, 2, score.shape)) / 20,
        "log_odds_out": np.rint(20 * random.normal(-1, 2, score.shape)) / 20,
        "ratio_in": random.normal(0.5, 1, score.shape),
        "vulnerability": random.normal(1, 1, score.shape),
        "forgetting": np.where(random.random(count) < 0.1, np.inf, random.integers(0, 9, count)),
    }
    titles = {"score": "memorisation score", "change": "change over sizes", "distillation": "effect of distillation"}
    words = [HOSTILE, "</script><script>alert(2)</script>", "T-shirt/top", "猫", "a " * 60, "'\"&amp;"]
    names = [f"{HOSTILE}{number}.png" if number % 3 == 0 else f"train/{number}.png" for number in range(count)]
    return Made(
        images=np.repeat(np.repeat(coarse, side // 4, axis=1), side // 4, axis=2),
        classes=[*words, *(f"class {number}" for number in range(classes))][:classes],
        sizes=sizes,
        names=names,
        whole=whole,
        measured=measured,
        titles=titles,
    )


def deflated(raw: bytes) -> str:
    """Base64 of bytes that are deflated without a header."""
    packer = zlib.compressobj(9, wbits=-15)
    return base64.b64encode(packer.compress(raw) + packer.flush()).decode()


def quantised(values: np.ndarray, kind: str) -> tuple[np.ndarray, float, float]:
    """Codes of measured values with the values of the first and the last but one; the last means none.

    Where some are infinite, the last but one means that.
    """
    finite = np.isfinite(values)
    low, high = float(values[finite].min()), float(values[finite].max())
    last = 2 ** (8 * KINDS[kind]().itemsize) - 2
    if np.isinf(values).any():
        high = low + (high - low) * last / (last - 1)
    codes = np.where(np.isnan(values), last + 1, last)
    codes[finite] = np.rint((values[finite] - low) / ((high - low) or 1) * last)
    return codes.astype(KINDS[kind]), low, high


def columns_of(examples: Made) -> list[tuple[dict, np.ndarray]]:
    """Every column: what the page says of it, and its codes."""
    found = []
    for name, values in examples.whole.items():
        kind = "int32" if values.max() > 60_000 or name in ("neighbours", "exact_group", "near_group") else "uint16"
        missing = -1 if kind == "int32" else 65_535
        per = "example" if values.ndim == 1 else "neighbour" if name == "neighbours" else "size"
        told = {"name": name, "title": name, "kind": kind, "per": per, "low": None, "high": None, "missing": missing}
        found.append((told, np.where(values < 0, missing, values).astype(KINDS[kind])))
    for name, values in examples.measured.items():
        kind = "uint16" if name in ("score", "change", "loss") else "uint8"
        codes, low, high = quantised(values, kind)
        told = {"name": name, "title": examples.titles.get(name, name), "kind": kind, "low": low, "high": high}
        told["counts"] = name == "carries"
        missing = 2 ** (8 * codes.itemsize) - 1
        per = "example" if values.ndim == 1 else "size"
        finite = values[np.isfinite(values)]
        told |= {"least": float(finite.min()), "most": float(finite.max()), "endless": bool(np.isinf(values).any())}
        found.append(({**told, "per": per, "missing": missing}, codes))
    return found


def sheets_of(images: np.ndarray, columns: int, per_sheet: int, **saved: object) -> list[bytes]:
    """The images in rows of tiles, as pictures."""
    count, height, width, _ = images.shape
    found = []
    for first in range(0, count, per_sheet):
        tiles = images[first : first + per_sheet]
        rows = -(-len(tiles) // columns)
        sheet = np.zeros((rows * columns, height, width, 3), np.uint8)
        sheet[: len(tiles)] = tiles
        whole = sheet.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3)
        buffer = io.BytesIO()
        Image.fromarray(whole).save(buffer, "WEBP", **saved)
        found.append(buffer.getvalue())
    return found


def script(kind: str, name: str, text: str) -> str:
    """A block of data, in which no `</script>` can end it."""
    return f'<script type="{kind}" id="{name}">{text}</script>'


def page(examples: Made, sheet: int = SHEET, **saved: object) -> str:
    """The document, with sheets of so many pixels. `saved` goes to Pillow; without it images keep every bit."""
    count, height, width, _ = examples.images.shape
    across = sheet // width
    per_sheet = across * (sheet // height)
    sheets = sheets_of(examples.images, across, per_sheet, **(saved or {"lossless": True, "quality": 0, "method": 0}))
    columns = columns_of(examples)
    data = {
        "version": 1,
        "run": "runs/made",
        "axis": "width",
        "sizes": examples.sizes,
        "count": count,
        "total": 2 * count,
        "sampled": True,
        "drawn": count // 2,
        "extremes": [f"the {count - count // 2:,} highest scores at width 16"],
        "neighbours": {"size": examples.sizes[-1], "model": 3, "variant": "onehot", "held": count},
        "image": {"height": height, "width": width},
        "tiling": {"columns": across, "perSheet": per_sheet, "sheets": len(sheets), "type": "image/webp"},
        "classes": examples.classes,
        "types": TYPES,
        "proxies": ["loss"],
        "columns": [told for told, _ in columns],
    }
    more = []
    if examples.carried is not None:
        held, (tall, wide) = examples.carried, examples.carried.images.shape[1:3]
        tiling = {"columns": 9, "perSheet": 63, "sheets": -(-len(held.images) // 63), "type": "image/webp"}
        told = {"group": "influence", "part": "test", "listed": held.rows.shape[1], "pairs": held.rows.shape[1]}
        told |= {"images": len(held.images), "step": 1e-4, "image": {"height": tall, "width": wide}}
        data["pairs"] = [{**told, "tiling": tiling}]
        known = np.stack([3 * np.arange(len(held.labels)), held.labels]).astype(np.int32)
        packed = deflated(held.rows.astype("<i4").tobytes() + known.astype("<i4").tobytes())
        more = [script("text/plain", "pairs-influence", packed)]
        for k, one in enumerate(sheets_of(held.images, 9, 63, lossless=True, quality=0, method=0)):
            more.append(script("text/plain", f"pairs-influence-sheet-{k}", base64.b64encode(one).decode()))
    blocks = [
        script("application/json", "data", json.dumps(data).replace("<", "\\u003c")),
        script("text/plain", "names", deflated("\n".join(examples.names).encode())),
        *(script("text/plain", f"column-{told['name']}", deflated(codes.tobytes())) for told, codes in columns),
        *(script("text/plain", f"sheet-{k}", base64.b64encode(sheet).decode()) for k, sheet in enumerate(sheets)),
        *more,
    ]
    scripts = [(WEB / name).read_text() for name in (WEB / "order.txt").read_text().split()]
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts]
    policy = (
        f"default-src 'none'; script-src {' '.join(hashes)}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>memscope: runs/made</title>
<style>{"".join(file.read_text() for file in sorted(WEB.glob("*.css")))}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the findings</a>
<header>
<p class="quiet">memscope report</p><h1>What a made family memorises of made images</h1>
<nav aria-label="Sections"><a href="#findings">Findings</a> <a href="#score">Scores</a> <a href="#gallery">Gallery</a>
<a href="#methods">Methods</a></nav>
<div id="theme"></div>
</header>
<main id="main">
<section id="findings" class="summary"><h2>Findings</h2><ol class="findings">
<li>Of {count:,} images, some are memorised: <a href="#gallery?low=0.5">those of a score of 0.5 or more</a>.</li>
<li>Whether students forget cannot be told yet: <code>memscope distill runs/made</code> would tell.</li></ol></section>
<section id="score"><h2>Scores</h2><p class="lead">A sentence that leads.</p>
<div class="notes"><p class="warning">What it does not say.</p></div>
<figure class="print" id="figure"><figcaption>A caption</figcaption><details><summary>Table</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Scores by width"><table><thead><tr><th scope="col">width</th>
<th scope="col">mean score</th></tr></thead><tbody><tr><th scope="row">2</th><td>0.12</td></tr></tbody></table></div>
</details></figure></section>
<section id="gallery"><h2>The gallery</h2><noscript><p>The gallery needs scripts.</p></noscript></section>
<section id="methods"><h2>Methods</h2><p>How it was measured.</p></section>
</main>
<footer><p>memscope</p></footer>
{chr(10).join(blocks)}
{chr(10).join(f"<script>{text}</script>" for text in scripts)}
</body>
</html>
"""
