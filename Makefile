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
TORCH_WHEELS := $(wildcard ../shared/wheels/torch-*.whl)
COMPOSE := docker compose -f infra/compose.yaml $(if $(SECURE),-f infra/compose.secure.yaml)
# Tools that look at the dependencies are none: they run in environments of their own.
PIP_AUDIT := pip-audit==2.10.1
CYCLONEDX := cyclonedx-bom==7.5.0
IMAGES := memory gossip meta monitor client tools
# Which extras of pyproject.toml an image has (infra/locks/NAME.txt).
LOCKS := base:telemetry meta:server,privacy,telemetry monitor:monitor,server,telemetry \
  client:learn,privacy,telemetry tools:admin,monitor,server,privacy
INSTALL := $(if $(shell command -v uv),uv pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check)

comma := ,
export OMP_NUM_THREADS ?= 1

.PHONY: compose-data images image-sizes up down logs test-containers
.PHONY: help demo test test-browser chaos check check-infra check-helm audit-deps sbom format bench bench-fold bench-latency bench-learning bench-bounds bench-audit bench-signing bench-access bench-sealing bench-simulation lock install

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
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

test-browser: install ## the dashboard in a real browser (Chromium of the system), over a real Kafka
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -qq -y chromium; } \
	  || { echo "make test-browser needs Chromium: apt-get install chromium, or name one by CHROMIUM=/path"; test -n "$(CHROMIUM)"; }
	@$(BIN)/python -c 'import playwright, axe_playwright_python' 2>/dev/null || $(INSTALL) --editable '.[browser]'
	$(BIN)/python -m pytest -q tests/browser $(ARGS)

check: install ## format, lint, types, layering, generated files in sync
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/scarcity schemas --check --page docs/topics.md
	$(BIN)/python -m infra.grafana.build --check
	$(BIN)/python -m infra.metrics_page --check
	$(BIN)/scarcity config table --check docs/configuration.md
	$(BIN)/python -m benchmarks.report --check
	$(BIN)/python -m scarcity.command_reference --check

check-infra: install ## alert rules by promtool, dashboards by a real Prometheus (Debian: prometheus)
	@command -v promtool prometheus >/dev/null || { echo "no promtool or prometheus: apt-get install prometheus"; exit 1; }
	promtool check config infra/prometheus/prometheus.yml
	promtool test rules infra/prometheus/alerts_test.yaml
	$(BIN)/python -m pytest -q tests/containers/test_queries.py

check-helm: install ## the Helm chart: lint, every manifest against its schema (needs helm)
	$(BIN)/python -m infra.helm.check

audit-deps: install ## known vulnerabilities of the locked packages (pip-audit; needs its advisory service)
	@mkdir -p build && rm -f build/audit.json
	-$(BIN)/uv tool run $(PIP_AUDIT) --require-hashes --disable-pip --progress-spinner off \
	  -r requirements.lock --format json -o build/audit.json
	$(BIN)/python -m infra.dependencies audited build/audit.json

sbom: install ## what is installed, as CycloneDX: build/sbom.json
	@mkdir -p build
	$(BIN)/uv tool run --from $(CYCLONEDX) cyclonedx-py environment --output-reproducible \
	  --pyproject pyproject.toml -o build/sbom.json $(BIN)/python
	$(BIN)/python -m infra.dependencies listed build/sbom.json

format: install ## format and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

chaos: install ## every service hurt at random over a real Kafka, then compared (SEED=n)
	$(BIN)/python -m chaos --seed $(or $(SEED),1) $(ARGS)

compose-data: install # what the containers mount: the demo's public panels, certificates, passwords
	$(BIN)/python infra/compose/make_data.py
	$(BIN)/python infra/compose/make_secrets.py

images: ## build all container images (a CPU wheel of torch beside the project is used)
	$(if $(TORCH_WHEELS),cp -u $(TORCH_WHEELS) infra/wheels/)
	$(COMPOSE) build memory gossip meta monitor client-economic tools

image-sizes: ## print what each image weighs, with its base
	@{ $(foreach i,$(IMAGES),docker image inspect -f '$(i) {{.Size}}' scarcity-$(i);) } \
	  | awk '{printf "%-8s %4.0f MB\n", $$1, $$2 / 1e6}'

up: images compose-data ## run all in containers: brokers, services, clients, Prometheus (SECURE=1: TLS, rights)
	$(COMPOSE) up -d --wait

down: ## stop the containers; ARGS=-v drops their data too
	$(COMPOSE) down --remove-orphans $(ARGS)

logs: ## follow the logs of all containers (ARGS=meta: of one service)
	$(COMPOSE) logs --follow --tail 100 $(ARGS)

test-containers: install check-infra check-helm ## build and run it all, kill a broker and a worker, compare (20 minutes)
	$(if $(TORCH_WHEELS),cp -u $(TORCH_WHEELS) infra/wheels/)
	$(BIN)/python -m pytest -q -s tests/containers --ignore tests/containers/test_queries.py $(ARGS)

bench: bench-fold bench-latency bench-learning bench-simulation bench-bounds bench-audit bench-signing bench-access bench-sealing ## every benchmark

bench-fold: install $(QUIX)/installed ## the fold beside a floor and other frameworks, in one run
	$(BIN)/python -m benchmarks.fold --frameworks $(QUIX)/bin/python $(ARGS)

# Quix Streams wants an older Kafka client than ours, so it lives in an environment of its own.
$(QUIX)/installed: benchmarks/fold/quix.lock
	test -x $(QUIX)/bin/python || $(PYTHON) -m venv $(QUIX)
	$(subst $(BIN),$(QUIX)/bin,$(INSTALL)) --require-hashes -r benchmarks/fold/quix.lock
	touch $@

bench-signing: install ## what it costs to verify who sent an insight
	$(BIN)/python -m benchmarks.signing $(ARGS)

bench-access: install ## what TLS and passwords cost, and what a flooding client does to others
	$(BIN)/python -m benchmarks.access $(ARGS)

bench-sealing: install ## what sealed gossip and secure sums cost
	$(BIN)/python -m benchmarks.sealing $(ARGS)
	$(BIN)/python -m benchmarks.secagg $(ARGS)

bench-simulation: install ## client-rounds a second of the simulation, and its memory
	$(BIN)/python -m benchmarks.simulation_speed $(ARGS)

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
	@$(foreach l,$(LOCKS),$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-package torch $(FIND_TORCH) -c requirements.lock \
	  $(addprefix --extra ,$(subst $(comma), ,$(lastword $(subst :,: ,$(filter-out %:,$(l)))))) \
	  -o infra/locks/$(firstword $(subst :, ,$(l))).txt pyproject.toml &&) true
	printf 'setuptools\nuv\nwheel\n' | $(BIN)/uv pip compile --quiet --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate -c requirements.lock -o infra/locks/build.txt -
