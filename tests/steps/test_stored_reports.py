"""What a command has found it can be asked for again from its results: the screen is the same to the word."""

from importlib import import_module

import pytest

from memscope.reports import REPORTS
from memscope.reports.keys import report_of
from memscope.run import open_run
from memscope.steps.score import score_of
from memscope.steps.trajectories import trajectories
from memscope.store.results import read_results

COMMANDS = {"score": score_of, "trajectories": trajectories}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_stored_report_tells_what_the_command_told(tiny_run, command):
    found = COMMANDS[command](tiny_run)
    run = open_run(tiny_run)
    module, _, name = REPORTS[command].partition(":")
    stored = report_of(getattr(import_module(module), name), read_results(run.path, command, run.plan)[2])
    assert stored.evidence is not None
    screen = import_module(f"memscope.findings.{command}").screen
    assert screen(stored) == screen(found)
