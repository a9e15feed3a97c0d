# Targets and what they are for: make help
.DEFAULT_GOAL := help
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help setup demo test test-ops test-browser test-image chaos check format docs sbom picture bench bench-peers lock clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with koc in it (every other target does so when needed)

demo: $(READY) ## Real events in, a proven ledger out, on real Kafka and PostgreSQL; about a minute
	@$(BIN)/koc demo

test: $(READY) ## Every suite in turn, with the time each took of its share
	@$(BIN)/python -m tests.suites

test-ops: $(READY) ## Every alert fires and clears, TLS, ACLs, a rolling upgrade and more, on real parts; 20 minutes
	@$(BIN)/python -m tests.suites alerts operable

test-browser: $(READY) ## Every page of the console in the system's Chromium (installed where root may); 4 minutes
	@$(BIN)/python -m tests.suites console

test-image: $(READY) ## Build the image and run every service of the compose file from it, without Docker; as root
	@$(BIN)/python -m tests.suites image

chaos: $(READY) ## Two hundred faults on real workers and one digest, then pauses and latency; about 20 minutes
	@$(BIN)/python -m tests.chaos $(CHAOS)
	@$(BIN)/python -m tests.chaos.pauses

check: $(READY) ## Formatting, lint, types, architecture, and that generated files are fresh
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/zizmor --offline --quiet --persona=pedantic .github
	@$(BIN)/python deploy/contract/currencies.py --check
	@$(BIN)/python -m schemas.generate --check
	@$(BIN)/python deploy/prometheus/metrics_page.py --check
	@$(BIN)/python deploy/kafka/acls.py --check
	@$(BIN)/python deploy/prometheus/alerts.py --check
	@$(BIN)/python -m deploy.grafana.boards --check
	@$(BIN)/python deploy/k8s/prometheus_rule.py --check

format: $(READY) ## Format the code and mend what the linter can
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

docs: $(READY) ## Write the generated contract, metrics page, alerts and dashboards again
	@$(BIN)/python deploy/contract/currencies.py
	@$(BIN)/python -m schemas.generate
	@$(BIN)/python deploy/prometheus/metrics_page.py
	@$(BIN)/python deploy/kafka/acls.py
	@$(BIN)/python deploy/prometheus/alerts.py
	@$(BIN)/python -m deploy.grafana.boards
	@$(BIN)/python deploy/k8s/prometheus_rule.py

sbom: $(READY) ## Write dist/koc-settlement.cdx.json, the image's bill of materials: packages, versions, licences
	@$(BIN)/python deploy/docker/sbom.py dist/koc-settlement.cdx.json

picture: $(READY) ## Draw dashboards and the console's pages in docs/images/ again, each from a demo; four minutes
	@$(BIN)/python -m tests.ops.dashboard_pictures
	@$(BIN)/python -m tests.browser.pictures

bench: $(READY) ## Events per second and CPU per event of worker and poster, beside the raw loops
	@$(BIN)/python -m tests.bench

bench-peers: $(READY) ## The worker beside Kafka Streams and Quix Streams: same events, same join; ten minutes
	@$(BIN)/python -m tests.bench.peers

lock: $(READY) ## Resolve the dependencies again into uv.lock
	@$(BIN)/python deploy/setup/lock.py $(BIN)/uv

clean: ## Stop the local stack and remove its data and the environment
	@if [ -x $(BIN)/koc ]; then $(BIN)/koc local reset --yes; fi
	@rm -rf .venv .local

$(READY): uv.lock pyproject.toml deploy/setup/environment.py
	@$(PYTHON) deploy/setup/environment.py --uv $(UV_VERSION) .venv
	@touch $@
