# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PACKAGES := $(VENV)/.installed
STAMP := $(VENV)/.editable
MODEL ?= recorded
CASE ?= bug
WORKERS ?= 2
MODELS ?= rules recorded builtin
FAULTS ?= --all
HEALS ?= 200

.DEFAULT_GOAL := help
.PHONY: help setup demo record drivers test slow eval record-incidents bench bench-peers soak lint types contracts lock clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)  ## the virtual environment, from hashes

$(PACKAGES): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("AutoHealer needs Python 3.11 or newer; try: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear --without-pip $(VENV)
	$(PYTHON) -m pip --python $(BIN)/python install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

# The commands and entry points are in the metadata, which is written again where pyproject.toml has changed.
$(STAMP): $(PACKAGES) pyproject.toml
	$(PYTHON) -m pip --python $(BIN)/python install -q --disable-pip-version-check --no-deps --no-build-isolation \
	  --config-settings editable_mode=compat -e .
	@touch $@

demo: $(STAMP)  ## break a service for real and heal it (CASE=bug|redis, MODEL=recorded|live)
	@$(BIN)/python -m evals.demo --case $(CASE) --model $(MODEL)

record: $(STAMP)  ## record the demo's model run anew, from an OpenAI-compatible endpoint (URL=...)
	$(BIN)/python -m evals.demo --case $(CASE) --record $(URL)

drivers: $(STAMP)  ## Node.js for the testbed where there is none, MySQL drivers where MariaDB is
	@$(BIN)/python -m evals.testbed.drivers --pip $(PYTHON)

test: drivers  ## every test but the slow ones
	$(BIN)/python -m pytest -q -n $(WORKERS) $(ARGS)

slow: drivers  ## the slow tests
	$(BIN)/python -m pytest -q -n $(WORKERS) -m slow $(ARGS)

eval: $(STAMP)  ## does it heal, does it know when not to, what does it cost (MODELS="rules recorded")
	$(BIN)/autohealer eval run $(addprefix --model ,$(MODELS)) --workers $(WORKERS) \
	  --need verdict=0.95 --need category=0.95 --need file=0.9 --need "wrong<0.05" $(ARGS)

record-incidents: drivers  ## record every incident anew, by breaking the testbed (FAULTS=--all)
	$(BIN)/autohealer record incident $(FAULTS)

bench: $(STAMP)  ## each target of speed and cost with its figure and verdict
	$(BIN)/python -m evals.bench

bench-peers: $(STAMP)  ## the same against agent frameworks alone, which are installed below .bench
	$(BIN)/python -m evals.bench --peers

soak: $(STAMP)  ## 200 heals, a third of them killed (HEALS=...), then ten minutes of the watch
	$(BIN)/python -m evals.soak --heals $(HEALS) --report evals/results/soak_heals.json
	SOAK_S=600 SOAK_REPORT=evals/results/soak_watch.json \
	  $(BIN)/python -m pytest -q -m slow tests/agent/watch/test_watch_soak.py

lint: $(STAMP)  ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## mypy --strict
	$(BIN)/mypy

contracts: $(STAMP)  ## the architecture, as import contracts
	$(BIN)/lint-imports

lock:  ## resolve requirements.lock again (needs uv)
	uv pip compile pyproject.toml --extra dev --extra notify --extra web --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --no-emit-index-url --quiet -o requirements.lock

clean:  ## remove what set-up made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache *.egg-info
