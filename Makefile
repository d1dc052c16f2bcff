# make run    install everything into .venv and compare RMSProp on every backend
# make quick  lint, and the tests that take no backend, or NumPy, or PyTorch, but for the
#             slow ones: a minute on two cores, while one works
# make test   the whole test suite, every backend in a process of its own
# make lint   ruff, mypy, and the direction of imports
# make chapters    every chapter on every backend: a table, and the figures in out/
# make notebooks BACKEND=torch    the chapters as executed notebooks, in notebooks/

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
BACKEND ?= numpy

.PHONY: run quick test lint chapters notebooks clean

run: .venv/installed
	$(BIN)/d2lopt compare rmsprop

quick: lint
	$(BIN)/pytest -m "not slow" --house --backend numpy --backend torch

test: .venv/installed
	$(BIN)/pytest

lint: .venv/installed
	$(BIN)/ruff check d2lopt chapters tests
	$(BIN)/ruff format --check d2lopt tests
	$(BIN)/ruff format --check --line-length 78 chapters
	$(BIN)/mypy
	$(BIN)/lint-imports

chapters: .venv/installed
	$(BIN)/d2lopt chapters

notebooks: .venv/installed
	$(BIN)/d2lopt notebooks --backend $(BACKEND)

.venv/installed: pyproject.toml constraints.txt
	@echo "Installing the frameworks into .venv (a few minutes the first time) ..."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[all,dev]'
	@touch $@

clean:
	rm -rf .venv out .mypy_cache .pytest_cache .ruff_cache .hypothesis
