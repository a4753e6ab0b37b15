# The commands of this project. Each makes .venv first when it is missing, from pinned versions (requirements.txt).
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check bench docs clean format

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(VENV)/.ready  ## start a real Kafka, feed it events, run the main job, show the results
	$(BIN)/headrace demo

test: $(VENV)/.ready  ## run all tests
	$(BIN)/python -m pytest -q $(ARGS)

check: $(VENV)/.ready  ## lint, types, layout
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/layout

format: $(VENV)/.ready  ## format and sort imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.ready  ## measure throughput, latency, start-up time and memory
	$(BIN)/python -m benchmarks

docs: $(VENV)/.ready  ## write the generated reference pages
	$(BIN)/headrace docs

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
