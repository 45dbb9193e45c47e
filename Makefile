# make run   sets everything up and runs the main job on real data
# make test  sets everything up and runs the tests
# make check lint, types, import direction, import time      make test-slow  the longer checks
# make docs  sets everything up and builds the site: site/index.html
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-slow check docs clean

.venv/core: setup.cfg pyproject.toml
	@echo "setting up: creating .venv and installing neuroevo with its dependencies (minutes, the first time only)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/dev: .venv/core
	@echo "setting up: installing the test tools into .venv (the first time only)"
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

run: .venv/core
	@echo "running: an evolutionary search; results go to runs/"
	@$(BIN)/neuroevo search digits --objectives error,parameters --evaluations 60 --workers 2 --seed 1 --run runs/digits

test: .venv/dev
	@echo "testing: the fast suite (longer checks: make test-slow)"
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests genomes neuroevo

test-slow: .venv/dev
	@echo "testing: the slow suite"
	@$(BIN)/python -m pytest tests -m slow

check: .venv/dev
	@echo "checking: lint, types, import direction, import time"
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_imports.py

.venv/docs: .venv/core
	@echo "setting up: installing the site generator into .venv (the first time only)"
	@$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@

docs: .venv/docs
	@echo "building: the site, into site/"
	@$(BIN)/python docs/generated.py
	@$(BIN)/zensical build --clean --strict

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .cache build/docs site
