# Everything runs in .venv, made on the first call: needs Python 3.11 or later and the package registry, no root.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup run test check format clean

setup: $(STAMP)

$(STAMP): pyproject.toml deploy/constraints.txt
	@test -x $(BIN)/python || { echo "Making $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing Aforo and its libraries (a few gigabytes and minutes the first time) ..."
	@$(BIN)/python -m pip install --progress-bar on --disable-pip-version-check -q -c deploy/constraints.txt -e '.[dev]'
	@touch $@

run: setup
	$(BIN)/aforo demo

test: setup
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
