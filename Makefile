# The one door: people and CI use the same commands. `make help` lists them.
# Needed: Python 3.11 or newer with venv, git and make. Another Python: `make clean`, then `make PYTHON=python3.13 ...`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input install
PYTEST := $(BIN)/python -m pytest
UV     := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
          --no-emit-index-url --no-annotate --custom-compile-command 'make lock'

# What GitHub publishes of its APIs: fetched when it is needed, checked by hash, never part of this repository.
CONTRACTS := .cache/contracts
PUBLISHED := @octokit/graphql-schema@15.26.1 @octokit/openapi@23.0.2

export UV_SYSTEM_CERTS := 1
# Python is started hundreds of times: what it compiled is kept, whatever the machine is set to.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check lint cover contracts test-slow bench e2e record format chart lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## promote a small fleet in a temporary folder: no cluster, no network, no account
	@$(BIN)/python -m reconciler demo

test: $(VENV)/.dev ## the fast tests
	$(PYTEST) -n auto

check: lint cover ## all that a change must pass: format, lint, types, imports, coverage

lint: $(VENV)/.dev ## format, lint, types, the direction of imports, and the Dockerfile
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

cover: $(VENV)/.dev ## the fast tests, and every branch of the core taken by one
	$(PYTEST) -n auto --quiet --cov --cov-report=
	$(BIN)/coverage report --skip-covered --fail-under=100 --include='reconciler/core/*'

contracts: $(VENV)/.dev $(CONTRACTS)/.fetched ## the twin of GitHub, judged by what GitHub publishes (needs npm)
	GITHUB_CONTRACTS=$(abspath $(CONTRACTS)) $(PYTEST) -n auto -m 'not slow and not benchmark' tests/contracts tests/twins tests/adapters/test_github*.py

test-slow: $(VENV)/.dev ## the tests that need minutes, and every property with many more examples
	$(PYTEST) -n auto -m '(slow or hypothesis) and not contracts and not e2e' --hypothesis-profile=thorough

bench: $(VENV)/.dev ## measure plan over large fleets, and print a table
	$(PYTEST) -m benchmark -s --quiet tests/benchmarks

# Most of a scenario is waiting for Flux, so there are more workers than cores; each has a cluster of its own.
E2E := $(PYTEST) -m e2e -n 4 --dist worksteal $(AGAIN) tests/e2e tests/test_chart.py

e2e: $(VENV)/.dev ## the whole story on real clusters with Flux; needs Go 1.26 or newer, and builds for a while at first
	@$(BIN)/python -m tests.e2e.build
	$(E2E)

record: $(VENV)/.dev ## run the same, and keep what Flux wrote as fixtures of the fast tests
	@$(BIN)/python -m tests.e2e.build
	E2E_RECORD=1 $(E2E)

format: $(VENV)/.dev ## bring the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

chart: $(VENV)/.dev ## write the generated parts of the chart anew
	$(BIN)/python charts/generate.py

lock: $(VENV)/.dev ## renew the versions and hashes in requirements/
	$(UV) --upgrade pyproject.toml -o requirements/runtime.txt
	$(UV) --upgrade --group build -c requirements/runtime.txt -o requirements/build.txt
	$(UV) --upgrade --group dev pyproject.toml -c requirements/runtime.txt -c requirements/build.txt -o requirements/dev.txt

clean: ## remove what the commands made
	rm -rf $(VENV) .cache dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, but $(PYTHON) is " + sys.version.split()[0] + "; name another: make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)

# Everything installed is locked by hash, the build tool too. The project itself adds no dependency of its own.
$(VENV)/.runtime: pyproject.toml requirements/build.txt requirements/runtime.txt | $(VENV)/pyvenv.cfg
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

$(CONTRACTS)/.fetched: Makefile tests/contracts/packages.sha256
	mkdir -p $(CONTRACTS)
	cd $(CONTRACTS) && npm pack --silent $(PUBLISHED)
	cd $(CONTRACTS) && sha256sum --check --quiet $(abspath tests/contracts/packages.sha256)
	tar -C $(CONTRACTS) -xzf $(CONTRACTS)/octokit-graphql-schema-*.tgz --strip-components=1 package/schema.graphql
	tar -C $(CONTRACTS) -xzf $(CONTRACTS)/octokit-openapi-*.tgz --strip-components=2 \
	  package/generated/ghes-3.19.json package/generated/api.github.com.json
	rm $(CONTRACTS)/*.tgz
	@touch $@
