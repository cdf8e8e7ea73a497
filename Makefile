# make demo   the whole job on the built-in digits, from a fresh clone
# make test   the test suite          make lint    format, lint, types, import directions
# make slow   proofs of minutes       make faults  injected faults       make bench  speed
# make bench-peers   the same beside other tools, in an environment of their own (ARGS="--list")
# make docs   writes the generated pages again
# Each sets up .venv by itself. Another Python: make test PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
DEMO_RUNS ?= demo-runs
PEERS ?= .venv-peers

BIN := $(VENV)/bin
LAMP := $(BIN)/lamp
PYTEST := $(BIN)/python -m pytest
PIP := $(BIN)/python -m pip install --quiet -c constraints.txt
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

# Two workers with one thread each: torch's threads would otherwise fight over the same cores.
TEST_ENV := OMP_NUM_THREADS=1
# Real pictures and weights, where a checkout has them beside it; tests that need them skip without.
ifdef LAMPLIGHTER_TEST_DATA
  TEST_ENV += LAMPLIGHTER_TEST_DATA="$(LAMPLIGHTER_TEST_DATA)"
else ifneq ($(wildcard ../shared/data/.),)
  TEST_ENV += LAMPLIGHTER_TEST_DATA="$(abspath ../shared/data)"
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint slow faults bench bench-peers docs install install-dev clean

help:
	@sed -n '/^# /s/^# //p' Makefile | head -6

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "Lamplighter needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) cannot make a virtual environment (Debian, Ubuntu: apt install python3-venv)." >&2; \
	  exit 2; }

# Installed again only when what is to be installed has changed.
$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing Lamplighter and torch into $(VENV): once, a few minutes" >&2
	@$(PIP) --editable .
	@touch $@

$(DEV_STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing Lamplighter with its tools for tests into $(VENV): once, a few minutes" >&2
	@$(PIP) --editable '.[dev]'
	@touch $(STAMP) $@

install: $(STAMP)
install-dev: $(DEV_STAMP)

demo: $(STAMP)
	@echo "== lamp look digits"
	@$(LAMP) look digits
	@echo; echo "== lamp train digits"
	@rm -rf "$(DEMO_RUNS)/digits" "$(DEMO_RUNS)/looks.jsonl"  # each demo is a first look
	@$(LAMP) train digits --out "$(DEMO_RUNS)" --name digits
	@echo; echo "== lamp evaluate $(DEMO_RUNS)/digits"
	@$(LAMP) evaluate "$(DEMO_RUNS)/digits"
	@echo; echo "== lamp predict $(DEMO_RUNS)/digits PICTURES   (five that were kept out of training)"
	@pictures=$$(mktemp -d) && trap 'rm -rf "$$pictures"' EXIT && \
	  $(BIN)/python examples/write_digits.py "$(DEMO_RUNS)/digits" "$$pictures" && \
	  $(LAMP) predict "$(DEMO_RUNS)/digits" "$$pictures"
	@echo; echo "the report, a page to open in a browser:"; echo "$(abspath $(DEMO_RUNS))/digits/report.html"

test: $(DEV_STAMP)
	$(TEST_ENV) $(PYTEST) -n $(JOBS) --dist worksteal $(ARGS)

slow: $(DEV_STAMP)
	$(TEST_ENV) $(PYTEST) -m slow $(ARGS)

faults: $(DEV_STAMP)
	$(TEST_ENV) $(PYTEST) -m faults --session-timeout=5400 $(ARGS)

lint: $(DEV_STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(DEV_STAMP)
	$(BIN)/python -m benchmarks $(ARGS)

# Other tools bring two hundred packages along; they are kept out of the environment that is tested.
$(PEERS)/.installed: pyproject.toml constraints.txt constraints-peers.txt
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@echo "installing other tools into $(PEERS): once, some minutes" >&2
	@$(PEERS)/bin/python -m pip install --quiet -c constraints.txt -c constraints-peers.txt --editable '.[peers]'
	@touch $@

bench-peers: $(PEERS)/.installed
	$(PEERS)/bin/python -m benchmarks $(ARGS)

docs: $(DEV_STAMP)
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) demo-runs build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
