# Each target works alone on a fresh clone: it first makes .venv and installs what it needs there.

SHELL := /bin/bash
.DEFAULT_GOAL := report
.PHONY: report test lab dashboard benchmark clean

# The first Python that is recent enough.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt

# What `make report` runs and shows; the store is that of notebooks and dashboard too.
RECIPE := first-report
STORE := runs
REPORT := reports/index.html

report: $(VENV)/installed
	@set -euo pipefail; \
	run=$$($(BIN)/workbench prune --recipe $(RECIPE) --store $(STORE) | tee -a /dev/stderr | tail -n 1); \
	$(BIN)/workbench report "$$run" --out $(REPORT)
	@echo "Open $(CURDIR)/$(REPORT) in a browser."

test: $(VENV)/installed-tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/pytest --numprocesses logical --dist worksteal

lab: $(VENV)/installed
	@mkdir -p $(STORE)
	$(BIN)/jupyter lab notebooks

# Two notebooks as pages, controls and pictures without code. They stand in a folder of their own because Voila
# would open any notebook beside them whose address somebody knows. A page's kernel ends ten minutes after the page.
dashboard: $(VENV)/installed
	@mkdir -p $(STORE) dashboard
	@ln -sf ../notebooks/01_mask_explorer.ipynb ../notebooks/02_candidate_race.ipynb dashboard
	$(BIN)/voila dashboard --classic-tree --MappingKernelManager.cull_idle_timeout=600

benchmark: $(VENV)/installed
	$(BIN)/workbench benchmark --scale bert-base

clean:
	rm -rf $(VENV) build dashboard dist *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

# An installation that was interrupted leaves `unfinished` behind, and the next one starts from nothing.
$(VENV)/installed: pyproject.toml setup.py constraints.txt
	@test -n "$(PYTHON)" || { echo "Install Python 3.11 or newer, or name it: make PYTHON=..." >&2; exit 2; }
	@echo "Installing into $(VENV): about a minute and 2 GB."
	@if [ -e $(VENV)/unfinished ] || [ ! -x $(BIN)/python ]; then $(PYTHON) -m venv --clear $(VENV); fi
	@touch $(VENV)/unfinished
	@$(PIP) pip setuptools
	@$(PIP) --no-build-isolation --editable '.[offline,dashboard]'
	@touch $(VENV)/unfinished && mv $(VENV)/unfinished $@

$(VENV)/installed-tests: $(VENV)/installed
	@echo "Installing what the tests need."
	@$(PIP) --no-build-isolation --editable '.[offline,dashboard,test,browser]'
	@touch $@
