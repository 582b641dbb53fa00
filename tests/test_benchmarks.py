"""The scripts behind the figures in docs/results.md still run, at sizes at which what they measure means nothing.

Those that start commands take too long for that; `make bench` runs most of them.
"""

import importlib
import pkgutil
import sys

import pytest

import benchmarks

SMALL = {
    "influence": ("--train 300 --test 40 --models 20 --sizes 2 --repeats 1", {"FULL": 40, "TYPED": 64}),
    "residual_memory": ("--memory 300 --queries 20 --features 8 --k 5 --repeats 1", {}),
    "many_classes": ("--examples 90 --classes 40 --held-examples 60 --held-classes 20 --queries 10 --k 3", {}),
    "report": ("--examples 60 --sizes 2 --models 10", {}),
    "step": ("--family cnn --widths 4 --repeats 1", {}),
    "soak": ("--tasks 20", {"EVERY": 5}),
    "coordinator": ("--workers 3 --tasks 4 --sleep 0.05", {"TRAIN": 200, "TEST": 50}),
    "gpu_ways": ("--device cpu --precision float32 --widths 2 --side 16 --models 2,2", {}),
    "gpu": ("--device cpu --examples 128 --widths 4 --epochs 1 --models 1 --group 2", {}),
    "memorability": ("--images 30 --workers 1", {}),
    "lira": ("--examples 60 --blocks 3 --references 10,20", {}),
    "attack_intervals": ("--runs 2 --examples 120 --blocks 4", {}),
    "families": ("--examples 128 --families cnn --widths 4 --epochs 1 --models 1", {}),
    "learning_rate": ("--examples 64 --epochs 1 --seeds 1", {"WIDTHS": {"cnn": (2,)}, "RATES": (0.1,)}),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_measures_and_prints_a_table(name, monkeypatch, capsys):
    script = importlib.import_module(f"benchmarks.{name}")
    options, constants = SMALL[name]
    for constant, value in constants.items():
        monkeypatch.setattr(script, constant, value)
    monkeypatch.setattr(sys, "argv", [name, *options.split()])
    script.main()
    assert any(character.isdigit() for character in capsys.readouterr().out)


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(benchmarks.__path__)])
def test_every_benchmark_can_be_loaded_and_tells_its_options(name, monkeypatch, capsys):
    script = importlib.import_module(f"benchmarks.{name}")
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert not ended.value.code
    assert "usage:" in capsys.readouterr().out
