# The LST-1 Fast Offline Analysis: `make` shows the targets.
.DEFAULT_GOAL := help
.PHONY: help env lock night demo servers stack-up stack-status stack-down bench-flow bench-dl2 fmt check unit integration e2e test images apptainer clean
SHELL := /bin/bash -o pipefail
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BUILD  := build
ENVS   := $(BUILD)/envs
UV     := $(BUILD)/uv/bin/uv
BIN    := $(ENVS)/operator/bin
FOA    := $(BIN)/foa
SERVICES := selector dl2-converter irf-builder dl3-maker analyzer

# which lock each environment is installed from
LOCK_operator := operator
LOCK_selector := selector
LOCK_dl2-converter := lstchain
LOCK_irf-builder := lstchain
LOCK_dl3-maker := lstchain
LOCK_analyzer := gammapy

help:  ## show this
	@grep -hE '^[a-z0-9_-]+:.*## ' Makefile apptainer/images.mk | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

env: $(patsubst %,$(ENVS)/%/lock.txt,operator $(SERVICES))  ## install the operator's and each service's environment

$(UV):
	$(PYTHON) -m venv $(BUILD)/uv && $(BUILD)/uv/bin/pip install --quiet uv==0.13.9

# the copy of the lock inside an environment says what is installed there; work keys contain its digest
.SECONDEXPANSION:
$(ENVS)/%/lock.txt: deploy/locks/$$(LOCK_$$*).txt $(wildcard shared/pyproject.toml services/*/pyproject.toml) | $(UV)
	@echo "environment $*"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(ENVS)/$*
	@VIRTUAL_ENV=$(ENVS)/$* $(UV) pip sync --quiet --require-hashes --compile-bytecode $<
	@VIRTUAL_ENV=$(ENVS)/$* $(UV) pip install --quiet --no-deps -e shared \
	  $(foreach s,$(if $(filter operator,$*),$(SERVICES),$*),-e services/$(s))
	@cp $< $@

# pip's resolver must not look for the shared library on an index
LOCKING = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-package lst-foa-shared --override $(BUILD)/shared.txt
lock: $(UV)  ## resolve every environment anew, within the bounds of the pyproject files
	@echo "lst-foa-shared @ file://$(CURDIR)/shared" > $(BUILD)/shared.txt
	$(LOCKING) shared/pyproject.toml services/selector/pyproject.toml --extra stage --extra daemon -o deploy/locks/selector.txt
	$(LOCKING) shared/pyproject.toml services/dl2-converter/pyproject.toml --extra stage --extra daemon --group stage -o deploy/locks/lstchain.txt
	$(LOCKING) shared/pyproject.toml services/analyzer/pyproject.toml --extra stage --extra daemon --group stage -o deploy/locks/gammapy.txt
	$(LOCKING) shared/pyproject.toml services/selector/pyproject.toml --extra operator --extra daemon --extra stage --group operator \
	  -o deploy/locks/operator.txt

night: $(BUILD)/night/truth.json  ## make the synthetic night

$(BUILD)/night/truth.json: | env
	$(FOA) synth $(BUILD)/night

demo: env night  ## set up everything and run a whole synthetic night
	$(FOA) run deploy/requests/crab.yaml deploy/requests/too.yaml

fmt:  ## format the sources
	$(BIN)/ruff format --quiet . && $(BIN)/ruff check --fix --quiet .

check: env  ## formatting, lint, types and import contracts; counts what fails
	@failed=0; for what in "ruff format --check --quiet ." "ruff check --quiet ." "mypy shared/src services/*/src" \
	  "lint-imports --no-logo"; do echo "$$what"; (PATH=$(BIN):$$PATH; $$what) || failed=$$((failed + 1)); done; \
	  echo "$$failed checks failed"; exit $$failed

unit: env  ## pure tests, in seconds
	$(BIN)/pytest -q tests/unit tests/contract

# what the servers of the tests and of the development stack come from
SERVER_PACKAGES := slurmctld slurmd slurmdbd slurm-client slurmrestd slurm-wlm-jwt-plugin mariadb-server-core \
	mariadb-client-core rabbitmq-server prometheus prometheus-alertmanager

servers:  ## install the servers the tests use, from Debian (as root)
	@dpkg --status $(SERVER_PACKAGES) > /dev/null 2>&1 || { export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update --quiet --quiet && \
	  apt-get -o DPkg::Lock::Timeout=600 install --quiet --quiet --yes --no-install-recommends $(SERVER_PACKAGES); }

STACK := $(BIN)/python -m foa.testing.stack
stack-up: env night servers  ## start RabbitMQ, SLURM, Prometheus, Alertmanager and the five daemons, on loopback
	$(STACK) up $(BUILD)/stack

stack-status:  ## say which of them live
	@$(STACK) status $(BUILD)/stack

stack-down:  ## stop them all
	$(STACK) down $(BUILD)/stack

bench-flow: env servers  ## throughput and hand-over latency of the daemons, from 10 to 1000 runs
	$(BIN)/python -m foa.testing.flow

bench-dl2: env night  ## DL1 to DL2 of 100 000 to 2 million events: the stock tool and ours
	$(ENVS)/dl2-converter/bin/python -m foa.testing.dl2_costs $(BUILD)/night $(BUILD)/bench-dl2

integration: env night servers  ## stages on bad input; executors, bus and daemons on real servers
	$(BIN)/pytest -q tests/integration
	$(ENVS)/dl2-converter/bin/pytest -q -W default --disable-warnings tests/stage/dl2_converter  # lstchain's own
	$(ENVS)/analyzer/bin/pytest -q tests/stage/analyzer

e2e: env night servers images  ## the night in one process, through daemons, from images; its recovery; the stock tools
	$(BIN)/pytest -q tests/e2e

test: check unit integration e2e  ## every check and every test

include apptainer/images.mk

clean:  ## remove whatever was built, installed or computed
	rm -rf $(BUILD)
