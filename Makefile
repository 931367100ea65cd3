# One verb a command. `make help` is built from the comments behind two hashes.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
QUIX := .venv-quix
# torch is outside the hashed lock, so that a CPU or a CUDA build can serve. A wheel beside the
# project, or a directory or index that pip's own environment variables name, is preferred.
TORCH ?= torch>=2.7,<2.14
WHEELS := $(wildcard ../shared/wheels)
FIND_TORCH := $(if $(WHEELS),--find-links $(WHEELS))
INSTALL := $(if $(shell command -v uv),uv pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check)

export OMP_NUM_THREADS ?= 1

.PHONY: help demo test chaos check format bench bench-fold bench-latency bench-learning bench-bounds bench-audit lock install

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: $(VENV)/installed ## make .venv with the locked packages

$(VENV)/installed: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) $(FIND_TORCH) '$(TORCH)'
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

demo: install ## three domains learn together over a real Kafka
	$(BIN)/scarcity demo $(ARGS)

test: install ## all tests; starts its own broker
	$(BIN)/python -m pytest -q $(ARGS)

check: install ## format, lint, types, layering, generated files in sync
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/scarcity schemas --check
	$(BIN)/python -m benchmarks.report --check

format: install ## format and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

chaos: install ## every service hurt at random over a real Kafka, then compared (SEED=n)
	$(BIN)/python -m chaos --seed $(or $(SEED),1) $(ARGS)

bench: bench-fold bench-latency bench-learning bench-bounds bench-audit ## every benchmark

bench-fold: install $(QUIX)/installed ## the fold beside a floor and other frameworks, in one run
	$(BIN)/python -m benchmarks.fold --frameworks $(QUIX)/bin/python $(ARGS)

# Quix Streams wants an older Kafka client than ours, so it lives in an environment of its own.
$(QUIX)/installed: benchmarks/fold/quix.lock
	test -x $(QUIX)/bin/python || $(PYTHON) -m venv $(QUIX)
	$(subst $(BIN),$(QUIX)/bin,$(INSTALL)) --require-hashes -r benchmarks/fold/quix.lock
	touch $@

bench-latency: install ## from a client's send to readable meta-parameters
	$(BIN)/python -m benchmarks.latency $(ARGS)

bench-learning: install ## tables of the learning beside their targets (ARGS=--quick: minutes)
	$(BIN)/python -m benchmarks.learning $(ARGS)

bench-bounds: install ## memory, restores and pauses of the memory service (half an hour and more)
	$(BIN)/python -m benchmarks.bounds $(ARGS)

bench-audit: install ## versions recomputed a second, and whom the quarantine marks
	$(BIN)/python -m benchmarks.audit $(ARGS)
	$(BIN)/python -m benchmarks.quarantine $(ARGS)

lock: install ## resolve requirements.lock anew (torch left out, no index named)
	$(BIN)/uv pip compile --quiet --extra dev --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-package torch $(FIND_TORCH) -o requirements.lock pyproject.toml
