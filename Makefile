# Every target makes the environment it needs. PYTHON picks the interpreter (3.11, 3.12 or 3.13):
#   make report PYTHON=python3.12
PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV := .venv/$(VERSION)
BIN := $(VENV)/bin
CONSTRAINTS := constraints/python$(VERSION).txt
TOOLS := .venv/$(VERSION)-tools
STUDY ?=
STUDIES := $(patsubst reports/%/analysis.toml,%,$(wildcard reports/*/analysis.toml))

.DEFAULT_GOAL := help
.PHONY: help setup report docs check test test-slow screenshots golden clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(BIN)/.installed ## make the environment for reports

$(BIN)/.installed: pyproject.toml $(wildcard $(CONSTRAINTS))
	@test -f "$(CONSTRAINTS)" || { echo "Python '$(VERSION)' from '$(PYTHON)' is not supported: use 3.11, 3.12 or 3.13, as in: make report PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e .
	@touch $@

$(BIN)/.installed-dev: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev,evaluate,interop]'
	@touch $@

$(TOOLS)/.installed: constraints/tools$(VERSION).txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

report: $(BIN)/.installed ## fit what is new and write reports/_site/index.html
	$(BIN)/emergence report $(STUDY)

docs: $(BIN)/.installed-dev ## write the documentation to reports/_site/docs/
	$(BIN)/emergence docs

check: $(BIN)/.installed-dev ## lint, types, import contract, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/typos

test: $(BIN)/.installed-dev $(TOOLS)/.installed ## the default tests (minutes)
	@# Workers have a core each: threads of torch beside them would wait for one another.
	OMP_NUM_THREADS=1 TOOLS_PYTHON=$(abspath $(TOOLS))/bin/python $(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(BIN)/.installed-dev ## recovery of planted truth (hours)
	$(BIN)/python -m pytest -m slow

screenshots: $(BIN)/.installed-dev ## pictures of the rendered pages, in screenshots/ and docs/
	$(BIN)/python -m benchmarks.screenshots screenshots
	$(BIN)/python -m benchmarks.readme_picture docs/report.png

golden: $(BIN)/.installed ## refresh the committed verdicts, and what the tutorial's commands print
	@for study in $(STUDIES); do \
	  mkdir -p reports/$$study/results && \
	  $(BIN)/emergence verdicts $$study --json > reports/$$study/results/verdicts.new && \
	  mv reports/$$study/results/verdicts.new reports/$$study/results/verdicts.json || exit 1; done
	$(BIN)/python -m benchmarks.transcripts docs/tutorial.md

clean: ## remove environments, cached draws and rendered pages
	rm -rf .venv .cache reports/_site build *.egg-info .pytest_cache .ruff_cache .import_linter_cache
