# Few verbs. `run` and `test` set up all they need on a machine with Python 3.11 (or later) and make.

.DEFAULT_GOAL := help
.PHONY: help run test bench format

# The interpreter is one that is here; uv must neither download another nor follow a version manager's shim to one.
export UV_PYTHON_DOWNLOADS := never
SYNC := { [ -d .venv ] || echo "Installing what Bilby needs into .venv (once) ..."; } && .ci/sync
PYTHON := .venv/bin/python

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

run: ## Run all of Bilby on this machine and print the links to open
	@$(SYNC) --inexact --no-default-groups --group sandbox
	@exec $(PYTHON) -m sandbox

test: ## Check style, types and imports, then run every test, the fast ones first
	@$(SYNC)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/deptry media web provisioning db runtime
	.ci/chromium
	.ci/firefox
	.ci/debian kubectl kubernetes-client
	.ci/debian promtool prometheus
	PATH="$$PATH:/usr/sbin" .ci/debian pgbouncer pgbouncer
	.ci/pytest "not browser and not slow" 2
	.ci/pytest "slow and not browser" 3
	.ci/pytest "browser" 2

bench: ## Measure CPU, delays and memory under many simulated calls
	@.ci/bench

format: ## Format the code, and fix what can be fixed automatically
	@$(SYNC)
	.venv/bin/ruff check --fix
	.venv/bin/ruff format
