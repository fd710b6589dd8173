# Everything runs in .venv, made on the first call: needs Python 3.11 or later and the package registry, no root.
#
#   make run          set up, then `aforo demo`; options for it as ARGS="--once"
#   make test         set up, then the tests; options for pytest as ARGS="tests/unit -x"
#   make test-slow    the tests that take minutes, which make test leaves out; options as for make test
#   make check        formatting, lint, types, import rules
#   make docs         write docs/configuration.md again from the configuration's own descriptions
#   make constraints  write the versions that Aforo is tested with, and the hashes that the image is installed by
#   make sbom         write sbom.cdx.json: what the image holds, as a CycloneDX bill of materials
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: setup run test test-slow check format docs constraints lock sbom clean

setup: $(STAMP)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Aforo needs Python 3.11 or later and found none; install it, or say where it is: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu install its package python3-venv" >&2; exit 1; }

# OpenCV's usual build wants OpenGL from the system. Where there is none (a bare server, a slim container) its headless
# build takes the place: the same code without windows, which Aforo never opens.
$(STAMP): pyproject.toml deploy/constraints.txt | $(BIN)/python
	@echo "Installing Aforo and its libraries (some gigabytes and minutes the first time) ..."
	@$(PIP) install -c deploy/constraints.txt -e '.[dev]'
	@$(BIN)/python -c 'import cv2' 2>/dev/null || { echo "No OpenGL here: taking OpenCV's headless build ..."; \
		$(PIP) install -c deploy/constraints.txt --force-reinstall --no-deps opencv-python-headless; }
	@$(BIN)/python -c 'import cv2'
	@touch $@

run: setup
	$(BIN)/aforo demo $(ARGS)

test: setup
	$(BIN)/python -m pytest $(ARGS)

test-slow: setup
	$(BIN)/python -m pytest -m slow $(ARGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup
	$(BIN)/python docs/write_configuration.py

# CUDA's parts are left out: torch itself names their exact versions, and other machines have others or none.
constraints: setup
	@{ echo "# The versions that Aforo is tested with; written by make constraints."; \
		$(PIP) freeze --exclude-editable | sed 's/+[a-z0-9.]*$$//' | grep -Ev '^(nvidia-|cuda-|triton|opencv-python-headless)'; \
		$(PIP) freeze | sed -n 's/^opencv-python==/opencv-python-headless==/p'; } > deploy/constraints.new
	@mv deploy/constraints.new deploy/constraints.txt
	@$(MAKE) --no-print-directory lock

# Every file of every library by its SHA-256, for the image: pip refuses what differs and what is not listed.
lock: setup
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--no-emit-package opencv-python --custom-compile-command "make lock" -c deploy/constraints.txt \
		pyproject.toml deploy/requirements.in -o deploy/requirements.txt

sbom: setup
	@$(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements deploy/requirements.txt \
		--pyproject pyproject.toml --mc-type application --output-reproducible -o sbom.cdx.json
	@echo "Written: sbom.cdx.json"

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
