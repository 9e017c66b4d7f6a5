# Few verbs. `run` and `test` set up all they need on a machine with Python 3.11 (or later) and make.

.DEFAULT_GOAL := help
CHECKS := ruff mypy imports dependencies
.PHONY: help run test fuzz bench format $(CHECKS) collection tools tests

# The interpreter is one that is here; uv must neither download another nor follow a version manager's shim to one.
export UV_PYTHON_DOWNLOADS := never
# Tests start many processes. Each takes long to compile its imports again unless one may keep what it has compiled.
unexport PYTHONDONTWRITEBYTECODE
export NODE_COMPILE_CACHE := $(CURDIR)/.cache/node
SYNC := { [ -d .venv ] || echo "Installing what Bilby needs into .venv (once) ..."; } && .ci/sync
PYTHON := .venv/bin/python

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

run: ## Run all of Bilby on this machine and print the links to open
	@$(SYNC) --inexact --no-default-groups --group sandbox
	@exec $(PYTHON) -m sandbox

test: ## Check style, types and imports, then run every test
	@$(SYNC)
	@$(MAKE) --no-print-directory --jobs $(CHECKS) tests

fuzz: tools ## Run the tests of properties with new examples
	@$(SYNC)
	.ci/pytest -m hypothesis --hypothesis-profile=new

ruff:
	.venv/bin/ruff check
	.venv/bin/ruff format --check

mypy:
	.venv/bin/mypy

imports:
	.venv/bin/lint-imports

dependencies:
	.venv/bin/deptry media web provisioning db runtime

# Finds every test, and leaves compiled what each of the processes that run them would compile for itself.
collection:
	@mkdir -p .cache
	.venv/bin/python -m pytest --collect-only -q >.cache/collection 2>&1 || { cat .cache/collection; exit 1; }

# What tests start and Python's packages do not have.
tools:
	.ci/chromium
	.ci/firefox
	.ci/debian kubectl kubernetes-client
	.ci/debian promtool prometheus
	PATH="$$PATH:/usr/sbin" .ci/debian pgbouncer pgbouncer

# Beside mypy, which takes longer than all else that comes before.
tests: ruff imports dependencies collection tools
	.ci/pytest

bench: ## Measure CPU, delays and memory under many simulated calls
	@.ci/bench

format: ## Format the code, and fix what can be fixed automatically
	@$(SYNC)
	.venv/bin/ruff check --fix
	.venv/bin/ruff format
