# Two commands: `make figures` and `make test`; both set up .venv from requirements.lock when it is missing or old.
PYTHON ?= python3
CORES ?= all
BIN := .venv/bin

.PHONY: help setup figures test lint unit workflow-tests slurm-tests docs lock clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: .venv/.complete ## set up .venv from requirements.lock

.venv/.complete: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "error: $(PYTHON) is $$($(PYTHON) --version), expected Python 3.11 to 3.13: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	awk '/^[^ ]/ { wanted = /^uv==/ } wanted' requirements.lock > .venv/uv.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r .venv/uv.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes --compile-bytecode -r requirements.lock
	touch $@

figures: setup ## every figure of every paper, and results/report.html
	$(BIN)/snakemake --cores $(CORES)
	@echo "report: results/report.html"

test: lint unit workflow-tests slurm-tests ## everything that checks the project

lint: setup ## formatting and style of Python and Snakemake files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

unit: setup ## fast tests of the library
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --numprocesses logical --maxprocesses 8 --dist loadfile tests/unit

workflow-tests: setup ## tests that run Snakemake
	$(BIN)/python -m pytest -q tests/workflow

slurm-tests: setup ## tests on a real SLURM of one node (as root on Debian; skipped elsewhere)
	$(BIN)/python -m pytest -q tests/slurm

docs: figures ## the README's pictures (needs graphviz)
	$(BIN)/snakemake all --rulegraph 2>/dev/null | dot -Tsvg > docs/rulegraph.svg
	cp results/tas/figures/figure1.png docs/figure1.png

lock: ## pin requirements.in anew into requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--custom-compile-command "make lock" requirements.in -o requirements.lock

clean: ## remove the environment and all results
	rm -rf .venv results .snakemake
