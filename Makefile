# make demo and make test set everything up in .venv on a fresh machine; `make` lists the targets.
#
# torch: constraints.txt pins the release. On Linux, PyPI's wheel of it brings several gigabytes of
# CUDA libraries; the CPU build is enough for everything here and is chosen with
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make demo
# (it is not asked for by default, because pip retries an unreachable index for every package).

PYTHON ?= python3
JOBS ?= 2
ARGS ?=
WAV ?= examples/soundfont_brass_D4.flac

BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-slow lint style layers types bench leaderboard docs wheel release clean

help: ## list the targets
	@echo "make TARGET [PYTHON=python3.12] [ARGS=...]"
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{printf "  %-11s %s\n", $$1, $$2}'

demo: .venv/.installed ## guess an example (WAV=file.wav), program the virtual board with it, plot both
	@mkdir -p demo
	$(BIN)/python -m jxctl guess $(WAV) -o demo/tone.json --audio demo/guess.wav --plot demo/guess.png --send sim: $(ARGS)

test: .venv/.installed ## run the tests but the slow ones (ARGS="-k tone")
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow" $(ARGS)

test-slow: .venv/.installed ## run the tests in real time, one at a time: programs, JACK and pseudo-terminals
	$(BIN)/python -m pytest -m slow $(ARGS)

lint: style layers types ## ruff, import-linter, mypy

style: .venv/.lint-installed ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

layers: .venv/.lint-installed ## import-linter
	$(BIN)/lint-imports --no-logo

types: .venv/.lint-installed ## mypy
	$(BIN)/mypy

bench: .venv/.installed ## render speed beside torchsynth and SynthAX, into benchmarks/results/render.md (ARGS=--quick)
	$(BIN)/python -m benchmarks.peers.setup
	$(BIN)/python -m benchmarks.render $(ARGS)

leaderboard: .venv/.installed ## train what is not trained, write benchmarks/results/leaderboard.md (ARGS=--quick: tiny)
	$(BIN)/python -m benchmarks.leaderboard26 $(ARGS)
	$(BIN)/python -m benchmarks.leaderboard

docs: .venv/.installed ## fill the tables in the documents from the code (ARGS=--check)
	$(BIN)/python -m tools.docs.generate $(ARGS)

wheel: .venv/.release-installed ## build wheel and sdist, install the wheel outside the repository, and use it
	$(BIN)/python -m tools.wheel build
	$(BIN)/python -m tools.wheel try --guess
	$(BIN)/python -m tools.wheel try --python others

release: .venv/.release-installed ## build and check what is published, and say what a person has to push
	$(BIN)/python -m tools.wheel release

clean: ## remove .venv, demo/ and caches; runs/ stays
	rm -rf .venv demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "jx needs Python 3.11 or newer, and there is no $(PYTHON): make PYTHON=/path/to/python ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "jx needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1): make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "installing jx into .venv (torch and numba are large: a few minutes the first time)"
	@$(PYTHON) -m venv .venv
	@$(PIP_INSTALL) -e ".[test]"
	@touch $@

.venv/.lint-installed: .venv/.installed
	@$(PIP_INSTALL) -e ".[test,lint]"
	@touch $@

.venv/.release-installed: .venv/.installed
	@$(PIP_INSTALL) "build>=1.2" "twine>=6"
	@touch $@
