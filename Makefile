# `make demo`, `make test` and `make bench` make .venv and install what they need, pinned by constraints.txt; a second
# call reuses it.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -n 2 --dist loadgroup --durations=10

.PHONY: demo test slow bench results reliability fuzz sanitize lint types pytest js browser clean

demo: .venv/ready-run
	$(BIN)/memscope demo

test: lint types pytest

lint: .venv/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready-test
	$(BIN)/mypy

# The C part under the address and undefined-behaviour sanitizers; `make slow` does it too.
sanitize: .venv/ready-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/training/lanes/test_exercise.py

# Two processes of one torch thread each: two threads in one process collapse as soon as anything else runs.
pytest: .venv/ready-test
	$(PYTEST) -m "not slow"

# What takes long (tests/slow.txt). CI runs it after `make test`.
slow: .venv/ready-test
	$(PYTEST) -m slow

# The scripts of report.html: their types, rules and format. Needs node 20.19 or newer; nothing else does.
js: node_modules/.package-lock.json
	npm run --silent check

# What tests/page/browser needs: Debian's chromium, installed if it is missing and we may, and playwright to drive it.
browser: .venv/ready-test
	command -v chromium >/dev/null || { test "$$(id -u)" = 0 && chmod 1777 /tmp && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || \
	  { echo "chromium is missing: install it, or run make browser as root on Debian" >&2; exit 1; }
	$(BIN)/python -c "import playwright"

# Ratios against others, in one table: under 15 minutes of a machine that does nothing else.
bench: .venv/ready-bench
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks

# The pages of docs/studies, with their numbers and figures, from what is stored of each study in studies/.
results: .venv/ready-test
	OMP_NUM_THREADS=1 $(BIN)/python -m studies

# SIGKILLs and damaged files by the hundred and the thousand, and the long forms of other tests: about an hour.
reliability: .venv/ready-test
	MEMSCOPE_THOROUGH=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/reliability -s
	MEMSCOPE_THOROUGH=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m thorough

# Damaged and hostile files, every format: some 20 minutes of one core for 100,000 cases. FUZZ="--format npz --case 12"
# does one case again. In memory where there is /dev/shm: a case writes a few small files.
fuzz: .venv/ready-test
	TMPDIR=$(firstword $(wildcard /dev/shm) /tmp) OMP_NUM_THREADS=1 $(BIN)/python -m fuzz $(or $(FUZZ),--cases 100000)

.venv/ready-run: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "memscope needs Python 3.11 or newer; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --disable-pip-version-check -q torch==2.13.0
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --disable-pip-version-check -q -e .
	touch $@

.venv/ready-test: .venv/ready-run
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --disable-pip-version-check -q -e '.[test]'
	touch $@

node_modules/.package-lock.json: package.json package-lock.json
	command -v npm >/dev/null || { echo "node and npm are missing: install node 20.19 or newer" >&2; exit 1; }
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

.venv/ready-bench: .venv/ready-run
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --disable-pip-version-check -q -e '.[benchmarks]'
	touch $@

clean:
	rm -rf .venv node_modules .mypy_cache .ruff_cache .pytest_cache
