# Every target sets up what it needs. `make` alone lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest
SUPERSET := .venv-superset
# Superset 6.1 pins a pandas that has no wheel for Python 3.13.
SUPERSET_PYTHON ?= $(PYTHON)

.PHONY: help setup demo run dev test test-long lint types bench bench-scale lock browser screenshots docs superset superset-test

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

setup: $(STAMP)  ## build .venv/ from requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Hub Observatory needs Python 3.11 to 3.13; for example: make PYTHON=python3.12 setup")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -c 'from orchestration.defs.transform.project import ensure_manifest; ensure_manifest()'
	@touch $@

demo: setup  ## 14 days of a generated world: crawl, check, build, publish, print the shares
	OBSERVATORY_HOME=$${OBSERVATORY_HOME:-data/demo} $(BIN)/observatory demo

run: setup  ## today's snapshot from HF_ENDPOINT (by default the real Hub)
	$(BIN)/observatory run

dev: setup  ## Dagster UI, daemon and schedule on 127.0.0.1:3000
	$(BIN)/observatory dev

lint: setup  ## ruff, the seeds' linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python dbt_project/lint_seeds.py

types: setup  ## mypy, strict
	$(BIN)/mypy

browser:  ## Debian's chromium, for the browser tests (skipped with the reason where it cannot be had)
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium; } >/dev/null 2>&1 \
		|| echo 'no chromium here and no right to install it: browser tests will be skipped'

screenshots: demo browser $(SUPERSET)/.installed  ## the pictures in docs/images, of the demo's dashboard, Dagster UI and Superset
	$(BIN)/python -m tests.browser.screenshots $${OBSERVATORY_HOME:-data/demo}

test: setup browser  ## all tests, a sample of the long suites
	$(PYTEST) -n 2 --dist loadgroup --no-loadscope-reorder -m 'not long'

test-long: setup browser $(SUPERSET)/.installed  ## the suites that take hours as well; their result goes to docs/mutations.md
	$(PYTEST) --junitxml=data/test-long.xml; result=$$?; \
		$(BIN)/python -m tests.contract.test_gates_documentation data/test-long.xml && exit $$result

superset: setup $(SUPERSET)/.installed  ## Apache Superset on 127.0.0.1:8088 (PORT=...) over what is published
	$(BIN)/python -m deploy.superset --port $(or $(PORT),8088)

superset-test: setup browser $(SUPERSET)/.installed  ## Superset in a real browser
	$(PYTEST) tests/browser/test_superset.py

$(SUPERSET)/.installed: deploy/superset/requirements.lock
	@$(SUPERSET_PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 13) else "Superset needs Python 3.11 or 3.12; for example: make SUPERSET_PYTHON=python3.12 superset")'
	@test -x $(SUPERSET)/bin/python || $(SUPERSET_PYTHON) -m venv $(SUPERSET)
	$(SUPERSET)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

docs: setup  ## the documentation site, in site/
	$(BIN)/python -m docs.build

bench: setup  ## the README's figures, measured on this machine
	$(BIN)/python -m benchmarks

bench-scale: setup  ## how cost grows; PIECE="floor --models 5000000" for another piece than CI's
	$(BIN)/python -m benchmarks.scale $(or $(PIECE),curves)

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

lock:  ## write both requirements.lock anew (needs uv)
	$(COMPILE) pyproject.toml --group dev -o requirements.lock
	$(COMPILE) deploy/superset/requirements.in -o deploy/superset/requirements.lock
