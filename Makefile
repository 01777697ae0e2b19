# Every target sets up what it needs. `make` alone lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest

.PHONY: help setup demo run dev test test-long lint types bench bench-scale lock browser screenshots docs

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

screenshots: demo browser  ## the pictures in docs/images, of the demo's dashboard and Dagster UI
	$(BIN)/python -m tests.browser.screenshots $${OBSERVATORY_HOME:-data/demo}

test: setup browser  ## all tests, a sample of the long suites
	$(PYTEST) -n 2 --dist loadgroup -m 'not long'

test-long: setup browser  ## the suites that take hours as well; their result goes to docs/mutations.md
	$(PYTEST) --junitxml=data/test-long.xml; result=$$?; \
		$(BIN)/python -m tests.contract.test_gates_documentation data/test-long.xml && exit $$result

docs: setup  ## the documentation site, in site/
	$(BIN)/python -m docs.build

bench: setup  ## the README's figures, measured on this machine
	$(BIN)/python -m benchmarks

bench-scale: setup  ## how cost grows; PIECE="floor --models 5000000" for another piece than CI's
	$(BIN)/python -m benchmarks.scale $(or $(PIECE),curves)

lock:  ## write requirements.lock anew (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header -o requirements.lock
