"""Reads the pickles of CIFAR's python version, and no other pickles: nothing that a file names is ever run.

Python's own unpickler, told to refuse all names but a few, still lets a file set attributes of what it may name, crash
the interpreter with a key nested 100,000 deep, and compute for ever over a key that holds itself twice, forty times.
So the pickle is not loaded: its instructions are read one by one, and those few that CIFAR's files have are carried
out here on plain data. The few names stand for marks, and what they are called with is looked at, never called
(pickled_arrays.py).
"""

import pickletools
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from memscope.errors import DataError
from memscope.files.kinds import HEAD, PICKLE, instead, kind_of
from memscope.files.pickled_arrays import MAX_BYTES, Refused, Unfinished, called_with, expected, known, set_state

MAX_OPCODES = 1_000_000  # CIFAR-100's largest file has some 250,000; each may cost 70 bytes of memory
MARK = object()
AGAIN = "numpy.savez(FILE, train_images=..., train_labels=..., test_images=..., test_labels=...)"


def read_plain_pickle(path: Path) -> dict[bytes, Any]:
    """The dictionary in a CIFAR file: its keys bytes, its arrays of numbers or text, everything else builtin and plain.

    Raises `DataError` naming the first refused name, and for a file that is too large, truncated or of another
    shape.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise DataError(f"{path}: has {size:,} bytes, expected at most {MAX_BYTES:,}; it is not a CIFAR file")
    data = path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of backslashes in Python 2's text
            instructions = ((opcode.name, argument) for opcode, argument, _ in pickletools.genops(data))
            content = carried_out(instructions, len(data))
        if not isinstance(content, dict):
            raise Refused(f"{type(content).__name__} and not a dictionary")
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, MemoryError, SystemError) as error:
        if kind_of(data[:HEAD]) not in (None, PICKLE):
            raise DataError(f"{path}: expected the plain data of CIFAR's python version; {instead(path)}") from error
        # pickletools raises many kinds for a damaged pickle; nothing of it has been run
        raise DataError(
            f"{path}: found {reason(error)}, expected the plain data of CIFAR's python version, a dictionary of "
            "arrays, lists and text; nothing else is unpickled, because a pickle can run anything; get the file again, "
            f"or save the arrays of your own with {AGAIN}"
        ) from error
    found = {}
    for key, value in content.items():  # Python 3 writes text where Python 2 wrote bytes
        name = key if isinstance(key, bytes) else key.encode("utf-8", "surrogatepass")
        if name not in found or isinstance(key, bytes):
            found[name] = value.values if isinstance(value, Unfinished) else value
    return found


def reason(error: Exception) -> str:
    return {
        IndexError: "an instruction without its operands",
        KeyError: "a reference to nothing",
        MemoryError: "more than fits into memory",
    }.get(type(error), str(error))


def carried_out(instructions: Iterable[tuple[str, Any]], size: int) -> Any:
    """What the instructions of a pickle of `size` bytes leave: dictionaries, lists, tuples, text, numbers, arrays."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    copied = 0  # bytes that were made, not only referred to: a text may be encoded again and again
    for count, (name, argument) in enumerate(instructions):
        if count > MAX_OPCODES:
            raise Refused(f"over {MAX_OPCODES:,} instructions")
        if name in LITERALS:
            stack.append(argument)
        elif name == "BYTEARRAY8":
            stack.append(bytes(argument))
        elif name in PYTHON_2_TEXT:  # pickletools decodes it
            stack.append(argument.encode("latin-1"))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if name == "MEMOIZE" else argument] = top(stack)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in ("EMPTY_DICT", "EMPTY_LIST"):
            stack.append({} if name == "EMPTY_DICT" else [])
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            stack.append(known(argument if name == "GLOBAL" else stack_global(stack)))
        elif name in ("TUPLE", "LIST", "DICT"):
            items = above_mark(stack)
            stack.append(tuple(items) if name == "TUPLE" else items if name == "LIST" else with_items({}, items))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            length = int(name[-1])
            items = [popped(stack) for _ in range(length)]
            stack.append(tuple(reversed(items)))
        elif name == "APPEND":
            value = popped(stack)
            expected(list, top(stack)).append(value)
        elif name == "APPENDS":
            items = above_mark(stack)
            expected(list, top(stack)).extend(items)
        elif name == "SETITEM":
            value, key = popped(stack), popped(stack)
            with_items(top(stack), [key, value])
        elif name == "SETITEMS":
            items = above_mark(stack)
            with_items(top(stack), items)
        elif name == "REDUCE":
            arguments, called = popped(stack), popped(stack)
            made = called_with(called, expected(tuple, arguments))
            copied += len(made) if isinstance(made, bytes | str) else 0
            if copied > 2 * size:
                raise Refused("one text encoded again and again")
            stack.append(made)
        elif name == "BUILD":
            state = popped(stack)
            copied += set_state(top(stack), expected(tuple, state))
            if copied > 2 * size:
                raise Refused("one array built again and again")
        elif name == "STOP":
            return popped(stack)
        elif name not in ("PROTO", "FRAME"):
            raise Refused(f"the instruction {name}")
    raise Refused("no end")


CONSTANTS = {"MARK": MARK, "NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
LITERALS = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
))  # fmt: skip
PYTHON_2_TEXT = frozenset(("STRING", "BINSTRING", "SHORT_BINSTRING"))


def popped(stack: list[Any]) -> Any:
    value = stack.pop()
    if value is MARK:
        raise Refused("a mark in the place of a value")
    return value


def top(stack: list[Any]) -> Any:
    if stack[-1] is MARK:
        raise Refused("a mark in the place of a value")
    return stack[-1]


def above_mark(stack: list[Any]) -> list[Any]:
    """The values above the uppermost mark; they and it are taken off. IndexError without one."""
    items: list[Any] = []
    while (value := stack.pop()) is not MARK:
        items.append(value)
    return items[::-1]


def with_items(target: Any, items: list[Any]) -> dict[bytes | str, Any]:
    """The dictionary with keys and values in turn; keys are text, whose hash takes no time that a file could choose."""
    if len(items) % 2:
        raise Refused("a key without a value")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if type(key) not in (bytes, str):
            raise Refused(f"a key that is {type(key).__name__} and not text")
        expected(dict, target)[key] = value
    return target


def stack_global(stack: list[Any]) -> str:
    name, module = expected(str, popped(stack)), expected(str, popped(stack))
    return f"{module} {name}"
