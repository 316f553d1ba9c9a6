# Each target works by itself on a fresh clone: it first creates .venv and installs what it needs there.

SHELL := /bin/bash
.DEFAULT_GOAL := report
.PHONY: report test test-long test-ray lab dashboard benchmark clean

# The first Python that is new enough.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# Containers often forbid Python to keep compiled modules; then each of many processes would compile them anew.
export PYTHONDONTWRITEBYTECODE :=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt

# The run that `make report` executes and renders; notebooks and dashboard use the same store.
RECIPE := first-report
STORE := runs
REPORT := reports/index.html

report: $(VENV)/installed
	@set -euo pipefail; \
	run=$$($(BIN)/workbench prune --recipe $(RECIPE) --store $(STORE) | tee -a /dev/stderr | tail -n 1); \
	$(BIN)/workbench speed "$$run" --batch 1,8 --length 128; \
	$(BIN)/workbench report "$$run" --out $(REPORT)
	@echo "Open $(CURDIR)/$(REPORT) in a browser."

test: $(VENV)/installed-tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/pytest --numprocesses logical --dist worksteal

# Whether the methods behave as published, in trainings that take minutes.
test-long: $(VENV)/installed-tests
	$(BIN)/pytest tests/long --numprocesses logical

# Grids and races on a local Ray cluster, and grids on a stand-in for SLURM. Ray brings 285 MB.
test-ray: $(VENV)/installed-tests
	@$(PIP) --no-build-isolation --editable '.[offline,ray,slurm]'
	$(BIN)/pytest tests/clusters --numprocesses 0

lab: $(VENV)/installed
	@mkdir -p $(STORE)
	$(BIN)/jupyter lab notebooks

# Two notebooks as pages with controls and figures but no code. They are linked into a folder of their own, because
# Voila serves every notebook in its folder to anyone who knows the address. Idle kernels stop after ten minutes.
dashboard: $(VENV)/installed
	@mkdir -p $(STORE) dashboard
	@ln -sf ../notebooks/01_mask_explorer.ipynb ../notebooks/02_candidate_race.ipynb dashboard
	$(BIN)/voila dashboard --classic-tree --MappingKernelManager.cull_idle_timeout=600

benchmark: $(VENV)/installed
	$(BIN)/workbench benchmark --scale bert-base

clean:
	rm -rf $(VENV) build dashboard dist *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

# An interrupted installation leaves `unfinished` behind, and the next one starts from scratch.
$(VENV)/installed: pyproject.toml setup.py constraints.txt
	@test -n "$(PYTHON)" || { echo "Install Python 3.11 or newer, or name it: make PYTHON=..." >&2; exit 2; }
	@echo "Installing into $(VENV): about a minute and 2 GB."
	@if [ -e $(VENV)/unfinished ] || [ ! -x $(BIN)/python ]; then $(PYTHON) -m venv --clear $(VENV); fi
	@touch $(VENV)/unfinished
	@$(PIP) pip setuptools
	@$(PIP) --no-build-isolation --editable '.[offline,dashboard]'
	@touch $(VENV)/unfinished && mv $(VENV)/unfinished $@

$(VENV)/installed-tests: $(VENV)/installed
	@echo "Installing the test dependencies."
	@$(PIP) --no-build-isolation --editable '.[offline,dashboard,test,browser,onnx,tensorboard]'
	@touch $@
