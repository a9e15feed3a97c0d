# Targets and what they are for: make help
.DEFAULT_GOAL := help
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup lock
help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with koc in it (every other target does so when needed)

$(READY): uv.lock pyproject.toml tools/setup.py
	@$(PYTHON) tools/setup.py --uv $(UV_VERSION) $(VENV)
	@touch $@

lock: $(READY) ## Resolve the dependencies again into uv.lock (without naming any registry)
	@$(BIN)/python tools/lock.py $(BIN)/uv
