# Targets for people. `make help` lists them; .ci/ holds what they call.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup report reports test test-full parity lab lint format lock environment clean stale
MAKEFLAGS += --no-print-directory

# One way of making the environment; it is made anew when what it depends on has changed.
READY := .venv/.ready
BIN := .venv/bin
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
$(READY): stale
endif
$(READY): pyproject.toml requirements.lock
	@PYTHON='$(PYTHON)' bash .ci/set-up
stale:

PLANS := $(sort $(wildcard evaluations/*.yml))
NOTEBOOKS := $(wildcard notebooks/*.ipynb)

# Charts without a screen; one thread for each of the two workers.
QUIET_MACHINE := MPLBACKEND=Agg OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

help:  ## list the targets
	@grep -E '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*  ## (.*)/  make \1\t\2/' | expand -t 20

setup: $(READY)  ## make the environment in .venv

report: $(READY)  ## run the default plan, end with the path of its report
	@$(BIN)/evallib run evaluations/peer_challenge.yml

reports: $(READY)  ## run every shipped plan
	@status=0; for plan in $(PLANS); do \
		$(BIN)/evallib run $$plan || { code=$$?; [ $$code -le $$status ] || status=$$code; }; \
	done; exit $$status

test: $(READY) lint  ## check style and types, run the tests (a fifth of the long cases)
	@$(QUIET_MACHINE) $(BIN)/python -m pytest -n 2 --dist worksteal -q $(ARGS)

test-full: $(READY) lint  ## the same with every long case
	@EVALLIB_FULL=1 $(QUIET_MACHINE) $(BIN)/python -m pytest -n 2 --dist worksteal -q $(ARGS)

parity: $(READY)  ## compare with the reference figures of R and Stata, into outputs/parity.csv
	@$(QUIET_MACHINE) $(BIN)/python tests/parity

lab: $(READY)  ## open JupyterLab on the notebooks
	@$(BIN)/python -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks $(ARGS)

lint: $(READY)  ## check style (ruff), types (mypy) and that notebooks hold no outputs
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(if $(NOTEBOOKS),$(BIN)/nbstripout --verify $(NOTEBOOKS))

format: $(READY)  ## put code and notebooks into the project's style
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .
	@$(if $(NOTEBOOKS),$(BIN)/nbstripout $(NOTEBOOKS))

lock:  ## make requirements.lock from pyproject.toml (needs uv)
	@bash .ci/lock

environment: $(READY)  ## make environment.yml from pyproject.toml
	@$(BIN)/python .ci/environment.py

clean:  ## remove the environment, caches, runs and built tables
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build ./*.egg-info
	@find . -name __pycache__ -prune -exec rm -rf {} +
	@find outputs data/processed -mindepth 1 ! -name .gitkeep -delete
