# One command per chore; each sets up what it needs and is quick when it is there.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: help demo test test-node e2e check bench science format image lock golden docs docs-site \
  screenshots dashboards setup testbed clean

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
ENGINE ?= docker
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# As root, but with the caller's parts and caches, and without root's files in the caller's folders.
AS_ROOT := $(if $(SUDO),$(SUDO) -E env "HOME=$$HOME" "PATH=$$PATH" PYTHONDONTWRITEBYTECODE=1)

help:            ## this list
	@grep -hE '^[a-z0-9-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

# A Debian-like machine may have python3 without venv; everything else comes locked by hash.
$(INSTALLED): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "joulefit needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv .venv >/dev/null 2>&1 || \
	  { rm -rf .venv; $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq python3-venv; \
	    $(PYTHON) -m venv .venv; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(INSTALLED)  ## the virtual environment in .venv

testbed: setup   ## the real parts that the tests use: etcd, kube-apiserver, Prometheus, VictoriaMetrics
	@tests/testbed/install.sh

demo: setup      ## the main job on a simulated cluster: no cluster and no store needed
	@$(BIN)/joulefit demo

test: testbed    ## the suite, real parts included; what times the kernel runs alone, at the end
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest -m node

test-node: testbed ## of these only the tests that time the kernel, on a quiet machine
	$(BIN)/python -m pytest -m node

e2e: testbed     ## the whole road on a real Kubernetes node, step by step, and what kubectl shows then
	@$(AS_ROOT) $(BIN)/python -m tests.e2e

check: setup     ## formatter, linter, types, layers, generated files, dashboards, documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.generate --check
	$(BIN)/python -m manifests.generate --check
	$(BIN)/mkdocs build
	$(BIN)/python -m manifests.dashboards --check

image:           ## the container image, by the engine of ENGINE (docker, podman)
	$(ENGINE) build -f Containerfile -t joulefit:$(VERSION) --build-arg VERSION=$(VERSION) \
	  --build-arg REVISION=$$(git rev-parse HEAD) \
	  --build-arg SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) .

bench: testbed   ## the figures, each beside what it is compared with
	$(BIN)/python -m tests.bench

science: setup   ## docs/science.md: every policy on made-up fleets of 2,500 containers (a quarter of an hour)
	$(BIN)/python -m docs.science

format: setup    ## write the formatter's and the linter's safe changes
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

docs: setup      ## write the generated parts of docs/
	$(BIN)/python -m docs.generate
	$(BIN)/python -m manifests.generate

docs-site: setup ## the documentation as a site, dist/site/index.html; a broken link or anchor fails
	$(BIN)/mkdocs build

screenshots: setup ## the pictures of the terminal in docs/screenshots
	$(BIN)/python -m docs.screenshots

dashboards: setup ## write the dashboards' JSON
	$(BIN)/python -m manifests.dashboards

golden: setup    ## write the expected outputs of tests/report anew; read the diff before you commit
	JOULEFIT_WRITE_GOLDEN=1 $(BIN)/python -m pytest -q tests/report

lock: setup      ## resolve the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --group dev pyproject.toml --output-file requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --constraint requirements-dev.lock pyproject.toml --output-file image/requirements.lock
	echo hatchling | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --constraint requirements-dev.lock - --output-file image/build.lock

clean:           ## remove what the chores made here (the testbed's cache stays)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
