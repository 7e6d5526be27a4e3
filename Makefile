# Everything runs in .venv, which is made once and brought up to date when the
# locks or pyproject.toml change. Needed beforehand: make, Python 3.11, 3.12 or 3.13.
#
#   make demo     simulate cells, track them, score and report, into demo-out/
#   make test     lint, types, layers and the fast tests with their coverage
#   make lint     lint and types alone          make format   let ruff rewrite the code
#   make image    the container's image, for GPUs; make image-cpu PYTORCH_INDEX=address: without
#   make bench    measure how fast whole sequences are linked (ONLY=HeLa-like: one of them)
#   make scores   score real sequences: make scores SAM4CT_DATA=folder
#   make lock     remake requirements/*.lock (UPGRADE=1: with the newest versions)
#   make clean    remove what the targets above made, .venv included
#
# PYTHON  the interpreter that .venv is made of
# IMAGE   name of the image; see docs/container.md for the rest
# TORCH   what pip installs as PyTorch; PIP_* variables are honoured, so that
#         another package index can be named

PYTHON ?= python3
TORCH ?= torch==2.13.0

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP) --no-deps --require-hashes --no-build-isolation -r
RUNTIME := $(VENV)/.runtime-stamp
TESTING := $(VENV)/.testing-stamp

# The source archives among the dependencies build in seconds without it, and not at all with it
# where there is no CUDA compiler.
export SAM2_BUILD_CUDA := 0

.PHONY: demo test lint format image image-cpu bench scores lock clean

demo: $(RUNTIME)
	@$(BIN)/sam4ct demo demo-out

# The tests' own lines are not counted, so pytest may load them as it does otherwise.
test: lint
	@$(BIN)/python -m slipcover --dont-wrap-pytest -m pytest -m "not real and not slow"

lint: $(TESTING)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: $(TESTING)
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

IMAGE ?= sam4ct
PYTORCH_INDEX ?=
DOCKER_BUILD = DOCKER_BUILDKIT=1 docker build --tag $(IMAGE) \
	--build-arg REVISION=$(shell git describe --always --abbrev=40 --dirty 2>/dev/null || echo unknown)

image:
	$(DOCKER_BUILD) .

image-cpu: IMAGE := $(IMAGE):cpu
image-cpu:
	$(DOCKER_BUILD) --build-arg VARIANT=cpu --build-arg WEIGHTS= \
	  --build-arg PYTORCH_INDEX="$(PYTORCH_INDEX)" .

bench: $(TESTING)
	@$(BIN)/python benchmarks/speed.py $(if $(ONLY),--only $(ONLY))

scores: $(TESTING)
	@test -n "$(SAM4CT_DATA)" || { echo "Say where the sequences are: make scores SAM4CT_DATA=folder"; exit 2; }
	@$(BIN)/python benchmarks/real_scores.py --data "$(SAM4CT_DATA)"

# In --require-hashes mode pip would prefer the index's CUDA build of PyTorch to a CPU build
# that it can find elsewhere. So PyTorch comes first, by itself.
$(RUNTIME): pyproject.toml requirements/build.lock requirements/cpu.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is missing, or older than Python 3.11. Choose another: make PYTHON=python3.13"; exit 2; }
	@echo "Setting up $(VENV) (once, a few minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(LOCKED) requirements/build.lock
	@$(PIP) "$(TORCH)"
	@$(LOCKED) requirements/cpu.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(TESTING): $(RUNTIME) requirements/test.lock
	@$(LOCKED) requirements/test.lock
	@touch $@

# uv keeps the pins that still fit, unless told to upgrade.
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes $(if $(UPGRADE),--upgrade)

lock: $(BIN)/uv
	$(UV_COMPILE) --config-file requirements/uv-cpu.toml pyproject.toml \
	  --no-emit-package torch -o requirements/cpu.lock
	$(UV_COMPILE) --config-file requirements/uv-cpu.toml pyproject.toml --extra test \
	  -c requirements/cpu.lock --no-emit-package torch -o requirements/test.lock
	$(UV_COMPILE) --config-file requirements/uv-cuda.toml pyproject.toml requirements/cuda.in \
	  -c requirements/cpu.lock -o requirements/cuda.lock
	$(UV_COMPILE) requirements/build.in -c requirements/test.lock -o requirements/build.lock
	$(UV_COMPILE) requirements/workflow.in -o requirements/workflow.lock
	$(UV_COMPILE) requirements/readers.in -o requirements/readers.lock

$(BIN)/uv:
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) uv

clean:
	rm -rf $(VENV) demo-out try-out build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
