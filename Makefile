# `make demo` and `make test` do everything on a fresh machine with Python 3.11 or newer and a package index.
PYTHON ?= python3
VENV ?= .venv
# Photographs for the demo, one folder per class. Empty: the built-in catalogue is drawn.
DATA ?=

SORTLINE_ENV = $(VENV)/.installed
WHAT = --editable ".[train,convert,edge,parquet,fleet]" --group test --group lint
PINS = build/constraints

.PHONY: demo test test-hardware lint constraints clean

demo: $(SORTLINE_ENV)
	$(VENV)/bin/python demo/demo.py --out build/demo $(if $(DATA),--photos "$(DATA)")

test: $(SORTLINE_ENV) lint
	$(VENV)/bin/python -m pytest

# What needs another processor, emulated: minutes long, 1 GB under build/, and as root on Debian. Not for CI.
test-hardware: $(SORTLINE_ENV)
	SORTLINE_TEST_HARDWARE=1 $(VENV)/bin/python -m pytest tests/hardware

lint: $(SORTLINE_ENV)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

$(SORTLINE_ENV): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	$(VENV)/bin/python -m pip install --constraint constraints.txt --build-constraint constraints.txt $(WHAT)
	touch $@

# With the oldest Python that sortline supports: what has a release for it has one for the newer ones too.
# `editables` is what the build backend needs for an editable install, and nothing else asks for.
constraints:
	rm -rf $(PINS)
	$(PYTHON) -m venv $(PINS)
	$(PINS)/bin/python -m pip install --quiet --upgrade pip setuptools
	$(PINS)/bin/python -m pip install --quiet $(WHAT) editables
	head -n 1 constraints.txt > $(PINS)/constraints.txt
	$(PINS)/bin/python -m pip freeze --all --exclude-editable >> $(PINS)/constraints.txt
	mv $(PINS)/constraints.txt constraints.txt

clean:
	rm -rf $(VENV) build dist
