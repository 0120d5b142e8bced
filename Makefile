# Shelfwise. `make demo` makes pages for real shoppers, `make test` runs every test, `make help` lists the rest.

PYTHON ?= python3.11
PORT ?= 2024
HUB_PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SHELFWISE := $(BIN)/shelfwise

# Nothing here calls home.
export LANGGRAPH_CLI_NO_ANALYTICS := 1
export LANGGRAPH_NO_VERSION_CHECK := true
export LANGSMITH_TRACING := false

.DEFAULT_GOAL := help
.PHONY: help install demo hub assets test test-fast lint check format studio eval bench-serve docs screenshot clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) not found. Install Python 3.11 (with venv), or say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || { echo "error: $(PYTHON) is not Python 3.11 or 3.12"; exit 1; }
	@$(PYTHON) -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || { echo "error: libgomp.so.1 not found, which LightGBM needs. apt-get install libgomp1"; exit 1; }
	@echo "installing into $(VENV) (about 2 minutes, 3 GB)"
	@$(PYTHON) -m venv $(VENV)
	@# torch comes first and with its own dependencies: its builds differ in what they need.
	@$(BIN)/pip install -qq --disable-pip-version-check "$$(grep '^torch==' requirements.lock)"
	@# The rest exactly as locked; --no-deps because optimum-intel asks for a torchvision that breaks CPU torch.
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps -r requirements.lock
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

install: $(READY)  ## Install everything into .venv

assets: $(READY)  ## Fetch weights, import the demo shop, build its corpus (all skipped when already there)
	@$(SHELFWISE) demo --prepare-only

demo: $(READY)  ## Make pages for real shoppers of the demo shop, then serve the Shopping Hub (HUB_PORT=8000)
	@$(SHELFWISE) demo --serve --port $(HUB_PORT)

hub: $(READY)  ## Serve the Shopping Hub from what is in the page store (HUB_PORT=8000)
	@$(SHELFWISE) serve --demo --port $(HUB_PORT)

eval: assets  ## Pages of 8 test shoppers, held to the quality floor; a report to look at
	@$(SHELFWISE) evaluate --sample 8 --judge-share 0.25 --floor default --out .shelfwise/eval

bench-serve: assets  ## Latency of cached pages at 200 requests a second, alone and beside generation
	@$(BIN)/python benchmarks/serve.py

test: lint assets  ## Lint, types and every test: fast ones, those on real weights, those on real servers
	@$(BIN)/python -m pytest

test-fast: $(READY)  ## Tests that need no weights and no server
	@$(BIN)/python -m pytest -m "not model and not service"

lint: $(READY)  ## Format, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

check: lint  ## Lint, types, layers, fast tests
	@$(BIN)/python -m pytest -q -m "not model and not service"

format: $(READY)  ## Format the code and mend what lint can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

studio: assets  ## Start the LangGraph server for Studio (PORT=2024)
	@$(BIN)/langgraph dev --no-browser --n-jobs-per-worker 10 --port $(PORT)

docs: $(READY)  ## Regenerate the parts of the docs that come from code
	@$(BIN)/python -m graph.drawing docs/architecture.md docs/intents.md

screenshot: assets  ## Pictures of the hub and the operator page for the docs (needs Debian's chromium)
	@$(BIN)/python benchmarks/screenshots.py

clean:  ## Remove the environment and everything made
	@rm -rf $(VENV) .shelfwise build *.egg-info
