# The commands of this project; people and CI run the same ones.
#   make run     set up, build, and watch this machine
#   make test    every test: unit, this kernel, and guests with Debian's kernels
#   make lint    ruff and mypy
#   make docs    generated pages: events, schema, support matrix
#   make soak    tests that take long, and on each kernel and two processors those that `make test` runs on one
#   make explore the tests on this machine, their examples made by chance
#   make fuzz    everything that reads bytes from outside, for SECONDS each (600)
#   make bench   every speed claim, as a table
.DELETE_ON_ERROR:
.PHONY: setup run test lint docs soak fuzz explore bench clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LINKS := src/ringward/links
SOURCES := pyproject.toml setup.py $(wildcard bpf/*) $(wildcard native/* native/*/*)

setup: $(VENV)/.built $(LINKS)/kmod

$(VENV)/.packages: tools/packages
	@tools/packages build
	@mkdir -p $(VENV)
	@touch $@

# A link to the system's Python: its age says nothing, and is not this user's to change.
$(VENV)/bin/python: | $(VENV)/.packages
	@echo "  VENV     $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.built: $(SOURCES) | $(VENV)/bin/python
	@echo "  BUILD    ringward"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

# The module tools by their usual names: in nobody's PATH, and never over the system's.
$(LINKS)/kmod: $(VENV)/.built src/ringward/cli/links.py
	@echo "  LINKS    $(LINKS)"
	@$(BIN)/ringward kmod links > /dev/null

run: setup
	@tools/as-root $(BIN)/ringward watch $(ARGS)

test: setup
	@tools/packages test
	@$(BIN)/python -m tools.run_tests

soak: setup
	@tools/packages test
	@$(BIN)/python -m tools.run_tests --soak

fuzz: setup
	@tools/packages test
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600) $(ARGS)

explore: setup
	@tools/packages test
	@$(BIN)/python -m pytest -q -p no:cacheprovider --hypothesis-profile=explore -m "not soak" tests

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: setup
	@$(BIN)/python -m ringward.events.pages docs/events
	@$(BIN)/python -m ringward.output.schema docs/schema/event-v2.json
	@$(BIN)/python -m ringward.kmod.schema docs/schema/kmod-v1.json
	@$(BIN)/python -m ringward.trust.schema docs/schema/trust-v1.json
	@$(BIN)/python -m tools.graph_picture docs/graph.svg
	@$(BIN)/python -m tools.support_matrix

bench: setup
	@tools/packages bench
	@$(BIN)/python -m bench

clean:
	rm -rf $(VENV) $(LINKS) build dist src/*.egg-info src/ringward/sensor/objects src/ringward/sensor/lib src/ringward/sensor/*.so
