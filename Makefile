# make demo                 set up, make a CT phantom, filter it, write and check the derived series
# make demo DATA=folder     the same with a series of your own
# make test                 set up for development, then all checks and tests (ARGS="-k median" for some)
# make fuzz                 read damaged files in all ways (ARGS="--seconds 600 --data folder")
# make clean                remove what these made
#
# The environment is .venv, made anew when pyproject.toml changes. PYTHON=... chooses the interpreter.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
export DATA
export PIP_DISABLE_PIP_VERSION_CHECK = 1

RUN := .venv/.ready-to-run
DEV := .venv/.ready-to-test

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: $(RUN)
	.venv/bin/slicewise demo $${DATA:+"$$DATA"} --output demo-output

test: $(DEV)
	.venv/bin/python -m ruff check
	.venv/bin/python -m ruff format --check
	.venv/bin/python -m mypy
	.venv/bin/lint-imports
	PATH="$$PWD/.venv/bin:$$PATH" .venv/bin/python -m pytest $(ARGS)

fuzz: $(DEV)
	.venv/bin/python benchmarks/fuzz.py $(ARGS)

clean:
	rm -rf .venv demo-output findings .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "slicewise needs Python 3.11 or newer with the venv module; none was found." \
		"On Debian and Ubuntu: apt install python3-venv. Or say which: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv

$(RUN): pyproject.toml | .venv/bin/python
	.venv/bin/python -m pip install --quiet --editable .
	@touch $@

$(DEV): pyproject.toml | .venv/bin/python
	.venv/bin/python -m pip install --quiet --editable ".[dev]"
	@touch $@ $(RUN)
