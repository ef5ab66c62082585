# `make` lists what there is. Needs git, make and Python 3.11 or newer; takes uv if it is there.

PYTHON_BIN := .venv/bin/python
DEMO := .venv/.demo
DEV := .venv/.dev
PEERS := build/peers/.bench
PRISM := build/prism/.ready
MONITORING := build/monitoring/.ready
COMPILE := uv pip compile --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-header $(ARGS)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo setup test lint coverage bench fuzz docs lock clean

# A .venv that came with a copied or moved tree doesn't count as set up.
ifneq ($(shell cat .venv/.home 2>/dev/null),$(CURDIR))
.PHONY: $(DEMO) $(DEV)
endif
ifneq ($(shell cat build/peers/.home 2>/dev/null),$(CURDIR))
.PHONY: $(PEERS)
endif

##@ See it

demo: $(DEMO) ## From trained models to a served prediction, in some minutes
	@PYTHONPATH=scripts $(PYTHON_BIN) -m demo $(ARGS)

##@ Work on it

setup: $(DEV) ## Set up .venv with everything that the other targets need
	@echo ".venv is ready: .venv/bin/modelctl --help"

test: $(DEV) $(PRISM) $(MONITORING) ## Run the tests (ARGS="-k ledger" for some of them)
	@$(PYTHON_BIN) -m pytest -n 2 $(ARGS)

lint: $(DEV) ## Check style, formatting, types and the imports between rooms
	@status=0; \
	$(PYTHON_BIN) -m ruff check --quiet . || status=1; \
	$(PYTHON_BIN) -m ruff format --quiet --check . || status=1; \
	$(PYTHON_BIN) -m mypy || status=1; \
	PYTHONPATH=scripts .venv/bin/lint-imports --no-logo || status=1; \
	exit $$status

coverage: $(DEV) $(PRISM) $(MONITORING) ## Hold domain/ and gates/ to every branch
	@$(PYTHON_BIN) -m pytest -n 2 -q --cov --cov-report=term-missing:skip-covered $(ARGS)

bench: $(DEV) $(PEERS) $(MONITORING) ## Measure against the peers (ONLY=name for one measure, ARGS=--list)
	@PYTHONPATH=scripts:tests $(PYTHON_BIN) -m bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

fuzz: $(DEV) ## Look for input that breaks something (SECONDS=600, TARGET=loader for one part)
	@PYTHONPATH=scripts:tests $(PYTHON_BIN) -m hostile.fuzz.guided \
		$(or $(TARGET),all) $(or $(SECONDS),60) build/fuzz

docs: $(DEV) ## Write the generated references anew
	@$(PYTHON_BIN) scripts/reference.py

##@ Look after it

lock: ## Lock the requirements anew, with uv (ARGS=--upgrade for the newest)
	@$(COMPILE) pyproject.toml --all-extras --group build --group test --group lint -o requirements/dev.txt
	@$(COMPILE) pyproject.toml --extra demo --group build -c requirements/dev.txt -o requirements/demo.txt
	@$(COMPILE) pyproject.toml --extra evaluate --extra github --extra mlflow --extra monitoring --extra render --group build -c requirements/dev.txt -o requirements/measure.txt
	@$(COMPILE) pyproject.toml --extra github --extra mlflow --extra monitoring --extra render --group build -c requirements/dev.txt -o requirements/jobs.txt
	@$(COMPILE) pyproject.toml --group build -c requirements/dev.txt -o requirements/core.txt
	@$(COMPILE) --group bench -o requirements/bench.txt

clean: ## Remove .venv, caches and what was built
	@rm -rf .venv .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache \
		build dist htmlcov
	@find scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo

$(DEMO): requirements/demo.txt pyproject.toml
	@scripts/setup demo

$(DEV): requirements/dev.txt pyproject.toml
	@scripts/setup dev

$(PEERS): requirements/bench.txt
	@scripts/setup bench

$(PRISM): tests/github/package.json tests/github/package-lock.json | $(DEV)
	@scripts/setup-prism

$(MONITORING): scripts/setup-monitoring
	@scripts/setup-monitoring
