"""plan.toml: good text, text with damaged bytes, and documents whose values are not what a plan's are."""

import hashlib
import json
import tomllib
from contextlib import suppress
from pathlib import Path
from random import Random

from fuzz.damage import damaged

PLAN = """\
memscope-plan = 1
digest = "DIGEST"
family = "mlp"
axis = "width"
sizes = [2, 4]
models = 20
fraction = 0.7
seed = 3
precision = "float32"
unit = 5

[data]
spec = "npz:data/set.npz"
fingerprint = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
label_noise = 0.1
data_seed = 0

[recipe]
trainer = "memscope"
epochs = 3
batch_size = 16
learning_rate = 0.1
momentum = 0.9
weight_decay = 0.0005
warmup = 0.15
schedule = "linear"
label_smoothing = 0.0
augment = "none"
"""

VALUES = (
    "nan", "inf", "-inf", "1e308", "1e-320", "0.7000000001", "-0.0", "0", "-1", "1", "7", "true", "false", '""', '"x"', "[]", "[[]]", "{}",
    "[1, 2]", "[2, 1]", "[1, 1]", "[0]", '["a"]', "[1.5]", "[true]", "{a = 1}", "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "0xffff",
    "9223372036854775807", "9223372036854775808", "1" + "0" * 40, "1" + "0" * 5000, "[1" + "0" * 400 + "]", r'"a\nb"', r'"\u001b[31m"',
    r'"\u202e"', r'"\u0000"', '"[/]"', '"' + "x" * 5000 + '"', '"é🦊"', "'''\na\nb\n'''", "[" * 50 + "]" * 50, "[" * 5000 + "]" * 5000,
    "{a=" * 2000 + "1" + "}" * 2000, "0.5", "0.95", "0.05", "1.0", "10", "1000000", "1000001", '"bfloat16"', '"depth"', '"cosine"',
    '"crop+flip"', '"record"', '"a.b:c"', '"os:mkdir"', '"1979"', "-9223372036854775809", "9" * 4300, "1e400", "1979-99-99", "25:61:00",
)  # fmt: skip

LINES = (
    "x = 1", "[x]", "[[x]]", "[data]", "[recipe]", "a.b.c = 1", "[data.spec]", "recipe = 1", "data = []", "full_models = 3", "full_models = -1",
    "fixed = 16", "fixed = 'a'", 'image_size = "a"', "examples = -1", "true_labels = 1", '"" = 1', '"\\n\\u001b[31m" = 1', "a" * 3000 + " = 1",
    "=", "[", "'''", "memscope-plan = 2", "memscope-plan = '1'", "memscope-plan = true", "memscope-plan = 1.0", "\x00", "\x1b", "\ufeff", "é = 1",
    "examples = 10", "image_size = 3", "nominal_examples = 100", "nominal_examples = 0", 'changes = "x"', "origin = 1", 'origin = "/x"',
)  # fmt: skip


def digest(document: dict) -> str:
    """The digest of a plan's values: what it covers is written in docs/format.md."""
    decides = {
        "data": document["data"]["fingerprint"], "family": document["family"], "axis": document["axis"], "fixed": document.get("fixed"),
        "fraction": {0.7: "7/10", 0.5: "1/2", 0.95: "19/20", 0.05: "1/20"}[document["fraction"]], "recipe": document["recipe"], "rules": 1,
        "unit": document["unit"], "precision": document["precision"], "seed": document["seed"],
    }  # fmt: skip
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def write_plan(random: Random, directory: Path) -> str:
    """One to three values or lines changed, its digest made to fit where that can be, then perhaps bytes damaged."""
    lines = PLAN.splitlines()
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        row = random.randrange(2, len(lines))
        chance = random.random()
        if chance < 0.6 and " = " in lines[row]:
            lines[row] = lines[row].partition(" = ")[0] + " = " + random.choice(VALUES)
        elif chance < 0.75:
            lines.insert(row, random.choice(LINES))
        elif chance < 0.85:
            del lines[row]
        elif chance < 0.9:
            lines.insert(row, lines[random.randrange(len(lines))])
        else:
            other = random.randrange(2, len(lines))
            lines[row], lines[other] = lines[other], lines[row]
    text = "\n".join(lines) + "\n"
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        text = text.replace("DIGEST", digest(tomllib.loads(text)))
    content = text.encode()
    if random.random() < 0.25:
        content = damaged(random, content)
    path = directory / "plan.toml"
    path.write_bytes(content)
    return str(path)
