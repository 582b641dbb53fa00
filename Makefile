# `make demo` and `make test` make .venv and install what they need, pinned by constraints.txt; a second call reuses it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint types pytest clean

demo: .venv/ready-run
	$(BIN)/memscope demo

test: lint types pytest

lint: .venv/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready-test
	$(BIN)/mypy

# Two processes of one torch thread each: two threads in one process collapse as soon as anything else runs.
pytest: .venv/ready-test
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -n 2 --dist loadgroup --durations=10

.venv/ready-run: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "memscope needs Python 3.11 or newer; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --disable-pip-version-check -q torch==2.13.0
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --disable-pip-version-check -q -e .
	touch $@

.venv/ready-test: .venv/ready-run
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --disable-pip-version-check -q -e '.[test]'
	touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
