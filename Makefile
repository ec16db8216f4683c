# make demo: every assay on simulated images, with a report to look at.
# make test: every check this project has. Both set up their own environment.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint clean
.DEFAULT_GOAL := demo

$(READY): pyproject.toml constraints.txt
	@echo "==> Setting up $(VENV) (once; a few minutes, mostly PyTorch)"
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 10), "Cellwright needs Python 3.10 or newer: make PYTHON=python3.11"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,ultralytics]'
	@touch $@

demo: $(READY)
	$(BIN)/cellwright demo --out demo-out

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) demo-out build dist
