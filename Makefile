# The commands of this project. Each makes .venv first when it is missing, from pinned versions (requirements.txt).
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SPARK := .venv-spark
WORKERS ?= 2

.PHONY: help demo test test-spark check bench docs clean format compiled

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Processes that tests and benchmarks start load bytecode, as an installed headrace does, also where Python writes none.
compiled: $(VENV)/.ready
	@$(BIN)/python -m compileall -q service plugins state

demo: compiled  ## start a real Kafka, feed it events, run the main job, show the results
	$(BIN)/headrace demo

test: compiled  ## run all tests
	$(BIN)/python -m pytest -q --numprocesses $(WORKERS) --dist worksteal $(ARGS)

$(SPARK)/.ready: tests/spark/requirements.txt
	$(PYTHON) -m venv $(SPARK)
	$(SPARK)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/spark/requirements.txt
	@touch $@

test-spark: $(VENV)/.ready $(SPARK)/.ready  ## compare generated queries with live Apache Spark (needs Java 17)
	HEADRACE_SPARK_PYTHON=$(SPARK)/bin/python $(BIN)/python -m pytest -q -m spark tests/spark $(ARGS)

check: $(VENV)/.ready  ## lint, types, layout
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/layout

format: $(VENV)/.ready  ## format and sort imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: compiled  ## measure throughput, latency, start-up time and memory
	$(BIN)/python -m benchmarks

docs: $(VENV)/.ready  ## write the generated reference pages
	$(BIN)/headrace docs

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) $(SPARK) build/spark .mypy_cache .ruff_cache .pytest_cache .hypothesis
