"""What a predictor is fitted to, in words: what models say of images, or the numbers of any table."""

SCORE, RESIDUAL, TABLE = "score", "residual", "table"
WORDS = {SCORE: "memorisation score", RESIDUAL: "norm of the residual"}


def kind_of(target: str, of_models: bool = True) -> str:
    """`score`, `residual` or `table`, by a target's name; what is not `of_models` is a table, whatever its name."""
    kind, at, size = target.partition("@")
    return kind if of_models and at and size.isdecimal() and kind in WORDS else TABLE


def target_in_words(kind: str, target: str, axis: str) -> str:
    """memorisation score at width 16, norm of the residual at depth 8, numbers of people.csv"""
    return f"{WORDS[kind]} at {axis} {target.partition('@')[2]}" if kind in WORDS else f"numbers of {target}"
