"""The list of slow tests names tests that there are."""

import ast
from pathlib import Path

from tests.conftest import slow_tests

ROOT = Path(__file__).parents[1]


def test_every_slow_test_is_there():
    listed = slow_tests()
    assert listed
    for file in {name.partition("::")[0] for name in listed}:
        tree = ast.parse((ROOT / file).read_text())
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert {name.partition("::")[2] for name in listed if name.startswith(f"{file}::")} <= there, file
