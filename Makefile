# make demo   compile SpineNet-49 to both targets, run both on a photograph; detect digits
# make test   everything that is checked: style, types, import contracts, all tests, the wheel
# make help   the rest

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q

.DEFAULT_GOAL := help
.PHONY: help demo test lint check docs bench grammar golden clean

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "spinec needs Python 3.11 or newer; say which with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -U "pip>=25.1"
	@touch $@

# torch is large: it gets a step of its own, so that a change of ours doesn't fetch it again.
$(VENV)/torch.stamp: $(VENV)/python.stamp constraints.txt
	@echo "installing torch (some minutes at the first time)"
	$(PIP) install -c constraints.txt torch torchvision
	@touch $@

$(VENV)/spinec.stamp: $(VENV)/torch.stamp pyproject.toml
	$(PIP) install -c constraints.txt -e ".[all,bench,demo]" --group dev
	@$(BIN)/python -m compileall -q spinedsl
	@touch $@

demo: $(VENV)/spinec.stamp ## compile SpineNet-49 to both targets, run both; detect digits with trained weights
	@$(BIN)/python -m compileall -q spinedsl
	@$(BIN)/python -m examples.demo

test: $(VENV)/spinec.stamp lint ## run every check
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/spinec.stamp ## style, types, import contracts, and the specs themselves
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/spinec fmt --check specs examples
	$(BIN)/python -m tools.diagnostics --check
	$(BIN)/spinec check specs
	$(BIN)/spinec lint --strict specs examples

docs: $(VENV)/spinec.stamp ## build the documentation in build/site; a warning is an error
	$(BIN)/sphinx-build -q -W --keep-going -n -E -a -c docs -d build/doctrees . build/site
	@echo "open build/site/index.html"

bench: $(VENV)/spinec.stamp ## measure what docs/benchmarks.md reports
	@$(BIN)/python -m compileall -q spinedsl
	$(BIN)/python -m benchmarks

grammar: $(VENV)/spinec.stamp ## save the parser's table anew, after a change of the grammar
	$(BIN)/python -m spinedsl.syntax.grammar

golden: $(VENV)/spinec.stamp ## accept what the golden tests print now; read the diff before you commit
	$(BIN)/python -m pytest -q -n auto --update-golden

clean: ## remove what make made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
