# Shortcuts; each is one plain command.
PYTHON ?= .venv/bin/python

.PHONY: setup test lint slow goals bench reliability quality doctor-bench

setup:
	python3 -m venv .venv
	.venv/bin/python -m pip install -c constraints.txt -e ".[dev]"

test:
	$(PYTHON) scripts/check.py

lint:
	$(PYTHON) -m ruff format src tests scripts benchmarks
	$(PYTHON) scripts/check.py format lint types layers

slow:
	$(PYTHON) -m pytest -q -m slow tests

goals:
	$(PYTHON) benchmarks/goals.py

bench:
	$(PYTHON) -m benchmarks.engines

reliability:
	$(PYTHON) -m benchmarks.reliability

quality:
	$(PYTHON) -m benchmarks.quality

doctor-bench:
	$(PYTHON) -m benchmarks.doctor
