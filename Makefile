# What a newcomer types. `make demo` and `make test` need python3, python3-venv and make, nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help install install-dev demo demo-reset run test lint bench

help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Kerbside runs on (once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing the test tools (once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.vendor: scripts/vendor.py package-lock.json $(VENV)/.runtime
	@$(BIN)/python scripts/vendor.py
	@touch $@

install: $(VENV)/.runtime $(VENV)/.vendor      ## what the product needs
install-dev: install $(VENV)/.dev              ## and what its tests need

demo: install    ## a simulated city on real streets, planned and served (NO_SERVE=1: stop after the summary)
	@kerbside demo $(if $(NO_SERVE),--no-serve) $(if $(MAP),--map $(MAP))

demo-reset:      ## forget the demo city
	@kerbside demo --reset

run: install     ## serve what is there
	@kerbside serve

test: install-dev ## everything, on a throw-away PostgreSQL
	@pytest -n auto --maxprocesses 8 --dist loadfile

lint: install-dev ## ruff, mypy, import-linter
	@ruff check . && ruff format --check . && mypy && lint-imports

bench: install-dev ## ratios, measured in one run
	@python -m benchmarks
