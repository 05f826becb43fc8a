# The LST-1 Fast Offline Analysis: `make` shows the targets.
.DEFAULT_GOAL := help
.PHONY: help env lock night demo servers system stack-up stack-status stack-down chaos bench-flow bench-tree bench-chaos bench-dl2 bench-images fmt check unit quick fuzz docs coverage \
  stages integration e2e test images apptainer clean
SHELL := /bin/bash -o pipefail
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BUILD  := build
ENVS   := $(BUILD)/envs
UV     := $(BUILD)/uv/bin/uv
BIN    := $(ENVS)/operator/bin
FOA    := $(BIN)/foa
SERVICES := $(patsubst services/%/pyproject.toml,%,$(wildcard services/*/pyproject.toml))

# the lock each environment is installed from: a service's pyproject.toml names it
lock_of = $(if $(filter operator,$1),operator,$(shell sed -n 's/^lock = "\(.*\)"/\1/p' services/$1/pyproject.toml))
# the packages of this repository in each environment
packages_of = $(if $(filter operator,$1),$(wildcard shared/* services/*),shared/stage shared/testing services/$1)

help:  ## show this
	@grep -hE '^[a-z0-9_-]+:.*## ' Makefile apptainer/images.mk | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

env: $(patsubst %,$(ENVS)/%/lock.txt,operator $(SERVICES))  ## install the operator's and each service's environment

$(UV):
	$(PYTHON) -m venv $(BUILD)/uv && $(BUILD)/uv/bin/pip install --quiet uv==0.13.9

# the copy of the lock inside an environment says what is installed there; work keys contain its digest;
# numba compiles functions when a stage is imported and keeps them in the environment, so that no job has to
warm = $(if $(filter $1,$(SERVICES)),$(ENVS)/$1/bin/python -W ignore -c 'import foa_$(subst -,_,$1).stage')
.SECONDEXPANSION:
$(ENVS)/%/lock.txt: deploy/locks/$$(call lock_of,$$*).txt $(wildcard shared/*/pyproject.toml services/*/pyproject.toml) | $(UV)
	@echo "environment $*"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(ENVS)/$*
	@VIRTUAL_ENV=$(ENVS)/$* $(UV) pip sync --quiet --require-hashes --compile-bytecode $<
	@VIRTUAL_ENV=$(ENVS)/$* $(UV) pip install --quiet --no-deps $(addprefix -e ,$(call packages_of,$*))
	@$(call warm,$*)
	@cp $< $@

# pip's resolver must not look for our own packages on an index
OWN := foa-stage foa foa-testing
LOCKING = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	$(addprefix --no-emit-package ,$(OWN)) --override $(BUILD)/own.txt
lock: $(UV)  ## resolve every environment anew, within the bounds of the pyproject files
	@printf '%s @ file://%s\n' foa-stage $(CURDIR)/shared/stage foa $(CURDIR)/shared/foa foa-testing $(CURDIR)/shared/testing > $(BUILD)/own.txt
	$(LOCKING) shared/foa/pyproject.toml services/selector/pyproject.toml --extra stage -o deploy/locks/foa.txt
	$(LOCKING) shared/stage/pyproject.toml services/dl2-converter/pyproject.toml --extra stage --group stage -o deploy/locks/lstchain.txt
	$(LOCKING) shared/stage/pyproject.toml services/analyzer/pyproject.toml --extra stage --group stage -o deploy/locks/gammapy.txt
	$(LOCKING) shared/testing/pyproject.toml services/selector/pyproject.toml --extra stage --group operator -o deploy/locks/operator.txt
	$(LOCKING) shared/foa/pyproject.toml --group docs -o deploy/locks/docs.txt

night: $(BUILD)/night/truth.json  ## make the synthetic night

$(BUILD)/night/truth.json: | env
	$(FOA) synth --site deploy/sites/demo.yaml $(BUILD)/night

demo: env night  ## set up everything and run a whole synthetic night
	$(FOA) run --site deploy/sites/demo.yaml deploy/requests/crab.yaml deploy/requests/too.yaml

OPERATOR := $(ENVS)/operator/lock.txt
fmt: $(OPERATOR)  ## format the sources
	$(BIN)/ruff format --quiet . && $(BIN)/ruff check --fix --quiet .

CHECKS := "ruff format --check --quiet ." "ruff check --quiet ." "mypy --no-error-summary shared/*/src services/*/src" "lint-imports --no-logo"
check: $(OPERATOR)  ## formatting, lint, types and import contracts; counts what fails
	@failed=0; for what in $(CHECKS); do echo "$$what"; (PATH=$(BIN):$$PATH; $$what) || failed=$$((failed + 1)); done; \
	  echo "$$failed checks failed"; exit $$failed

unit: $(OPERATOR)  ## pure tests and contracts
	$(BIN)/pytest -q --cov --cov-report= tests/unit tests/contract

FUZZED := tests/unit/test_fuzz_inputs.py tests/unit/test_admission.py tests/unit/test_bus_messages.py tests/unit/test_manifests.py
fuzz: $(OPERATOR)  ## ten thousand odd documents, files, command lines and messages of each kind; an hour
	$(BIN)/pytest -q --hypothesis-profile=thorough --timeout 0 $(FUZZED)

quick: check unit  ## what needs nothing but the operator's environment, in a minute or two

docs: $(BUILD)/envs/docs/bin/sphinx-build  ## the documentation with its API pages, in build/docs
	$< -q -W --keep-going -b html deploy/docs $(BUILD)/docs

$(BUILD)/envs/docs/bin/sphinx-build: deploy/locks/docs.txt | $(UV)
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(ENVS)/docs
	@VIRTUAL_ENV=$(ENVS)/docs $(UV) pip sync --quiet --require-hashes $<
	@VIRTUAL_ENV=$(ENVS)/docs $(UV) pip install --quiet --no-deps $(addprefix -e ,shared/stage shared/foa $(wildcard services/*))
	@touch $@

# what the servers of the tests and of the development stack come from
SERVER_PACKAGES := slurmctld slurmd slurmdbd slurm-client slurmrestd slurm-wlm-jwt-plugin mariadb-server-core \
	mariadb-client-core rabbitmq-server prometheus prometheus-alertmanager

servers:  ## install the servers the tests use, from Debian (as root)
	@dpkg --status $(SERVER_PACKAGES) > /dev/null 2>&1 || { export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update --quiet --quiet && \
	  apt-get -o DPkg::Lock::Timeout=600 install --quiet --quiet --yes --no-install-recommends $(SERVER_PACKAGES); }

system: servers apptainer  ## install all that comes from Debian (as root)

STACK := $(BIN)/python -m foa_testing.stack
stack-up: env night servers  ## start RabbitMQ, SLURM, Prometheus, Alertmanager and the daemons, on loopback
	$(STACK) up $(BUILD)/stack

stack-status:  ## say which of them live
	@$(STACK) status $(BUILD)/stack

stack-down:  ## stop them all
	$(STACK) down $(BUILD)/stack

bench-flow: env servers  ## throughput and hand-over latency of the daemons, from 10 to 1000 runs, beside SLURM alone
	$(BIN)/python -m foa_testing.benchmarks.throughput

bench-tree: $(OPERATOR)  ## costs of a request of 10 000 runs, of 3 000 old requests, of a restart with 10 000 pending
	$(BIN)/python -m foa_testing.benchmarks.tree_costs

chaos: env servers  ## a hundred random faults over thirty requests on real servers: nothing lost, done twice, stuck or wrong (as root)
	$(BIN)/python -m foa_testing.chaos --seed 1 --faults 100 --requests 30

CHAOS := --seed 1 --faults 1000 --requests 200
bench-chaos: env servers  ## a thousand of them, or CHAOS='--seed N --faults N --requests N' (as root)
	$(BIN)/python -m foa_testing.chaos $(CHAOS)

bench-dl2: env night  ## DL1 to DL2 of 100 000 to 9.5 million events: the stock tool and ours
	$(ENVS)/dl2-converter/bin/python -m foa_testing.benchmarks.dl2_costs $(BUILD)/night $(BUILD)/bench-dl2

STAGE_TESTS = $(ENVS)/$1/bin/pytest -q -W default --disable-warnings tests/stage/$2  # warnings of the science packages
stages: env night  ## each stage in its own environment, on good and bad input; the synthetic night
	$(foreach s,$(SERVICES),$(if $(wildcard tests/stage/$(subst -,_,$s)),$(call STAGE_TESTS,$s,$(subst -,_,$s)) &&)) \
	  $(call STAGE_TESTS,dl2-converter,night)

integration: env servers  ## executors, bus and daemons on real servers, with stub stages
	$(BIN)/pytest -q --cov --cov-append --cov-report= tests/integration

coverage: $(OPERATOR)  ## branches of foa, foa-stage and plans that unit and integration tests went through: at least 90 %
	$(BIN)/coverage report --fail-under=90

e2e: env night servers images  ## the night in one process, through daemons, from images; its recovery; the stock tools
	$(BIN)/pytest -q tests/e2e

# the parts of `make test`, each noting in build/times.txt how long it took and how it ended; two at a time where they may
step-%:
	@begun=$$(date +%s); $(MAKE) $*; code=$$?; printf '%-12s %5d s  %s\n' $* $$(($$(date +%s) - begun)) \
	  $$([ $$code = 0 ] && echo passed || echo FAILED) >> $(BUILD)/times.txt; exit $$code
step-check step-unit: step-env
step-night: step-unit step-check
step-system: step-unit step-check
step-images: step-system
step-integration: step-night step-system
step-stages: step-night
step-coverage: step-integration
step-e2e: step-integration step-images step-stages step-coverage
step-chaos: step-integration step-stages

test:  ## every check and every test; ends with what took how long
	@mkdir -p $(BUILD) && rm -f $(BUILD)/times.txt; begun=$$(date +%s); \
	$(MAKE) -j2 --keep-going --output-sync=target step-e2e step-chaos; code=$$?; \
	echo; cat $(BUILD)/times.txt; echo "all of it $$(( $$(date +%s) - begun )) s"; exit $$code

include apptainer/images.mk

clean:  ## remove whatever was built, installed or computed
	rm -rf $(BUILD)
