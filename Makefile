# `make` prints what it can do. PYTHON=/path/to/python3.11 picks the interpreter of the environment.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-check test slow unit lint bench bench-growth bench-billion bench-day bench-history proofs simulate mutants docs wheel clean distclean

BIN := $(CURDIR)/.venv/bin
# The environment's own programs and interpreter, for everything that starts Spark.
WITH := env PATH="$(BIN):$$PATH" PYSPARK_PYTHON="$(BIN)/python" PYSPARK_DRIVER_PYTHON="$(BIN)/python" PYTHONUNBUFFERED=1

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

setup: ## Make the environment in .venv, once; safe to interrupt and repeat
	@bash scripts/setup.sh

# What testers and packing stations are asked; and a hundred days later, what follows from what they found.
FIRST := catalog outcomes encode train score certify decide
THEN := outcomes certify decide publish report
DEMO ?= conf/demo.yaml
DEMO_OUT ?= out/demo
SHEET = $(DEMO_OUT)/tests.csv
SETTINGS ?=
LATER := --set decisions.as_of=2025-04-10 --set outcomes.as_of=2025-04-10
DEMO_CONFIG = --config $(DEMO) $(SETTINGS)

demo: setup ## Set up, then run the whole road on an invented marketplace into out/demo, with the tests and the pilot it asks for
	@rm -rf $(DEMO_OUT)/tables $(DEMO_OUT)/model $(DEMO_OUT)/work # its days begin anew
	@$(WITH) leastpack sample $(DEMO_CONFIG)
	@$(WITH) leastpack run $(DEMO_CONFIG) $(foreach step,$(FIRST),--step $(step))
	@$(WITH) leastpack queue export $(SHEET) --most 1000 --force $(DEMO_CONFIG)
	@$(WITH) leastpack sample answer $(SHEET) $(DEMO_CONFIG)
	@$(WITH) leastpack queue import $(SHEET) $(DEMO_CONFIG)
	@$(WITH) leastpack reader fit $(DEMO_CONFIG)
	@$(WITH) leastpack pilot propose $(DEMO_CONFIG)
	@$(WITH) leastpack sample ship $(DEMO_CONFIG) $(LATER)
	@$(WITH) leastpack run $(DEMO_CONFIG) $(LATER) $(foreach step,$(THEN),--step $(step))

demo-check: setup ## The demo on three invented marketplaces: fails where two break their promise; takes an hour
	@$(WITH) PYTHONPATH="$(CURDIR)" python -m tests.demo_check

# Two processes: one Spark session alone leaves half of two cores idle. In the order of tests/schedule.py, the longest files
# first: by the number of tests, the longest would be left for the end, when one process has nothing else to do.
test: setup ## Set up, then ruff, mypy and every test but the slow ones and the long proofs
	@$(BIN)/ruff check; $(BIN)/mypy; $(WITH) pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder; \
	echo "checks and tests: $$((SECONDS / 60)) min $$((SECONDS % 60)) s after the set-up"

slow: setup ## The tests that take longer: what `make test` leaves out, and CI runs too
	$(WITH) pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "slow and not proof"

unit: setup ## The tests without Spark: seconds
	$(WITH) pytest tests/unit

lint: setup ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/mypy

# A day after the first: what a thousand changed products cost, and then one of a hundred.
DAY := score,test,decide,publish,change,day_score,day_decide,day_publish,change_many,day_score,day_decide,day_publish

bench: setup ## Times side by side, into out/bench; takes three quarters of an hour
	$(WITH) PYTHONPATH="$(CURDIR)" python -m tests.perf

bench-growth: setup ## score over 10 thousand to 10 million products, into out/bench; takes half an hour
	$(WITH) PYTHONPATH="$(CURDIR)" python -m tests.perf.growth

bench-billion: setup ## A billion pairs scored, decided, audited and published; takes hours and 70 GB of disk
	$(WITH) PYTHONPATH="$(CURDIR)" python -m tests.perf.growth --sizes 50000000 --steps score,test,decide,publish --name billion

bench-day: setup ## The steps after scoring over a million products, and again where a thousand changed, then one of a hundred
	$(WITH) PYTHONPATH="$(CURDIR)" python -m tests.perf.growth --sizes 1000000 --name day --steps $(DAY)

bench-history: setup ## A day's outcomes on 24 months of history against the first load, into out/bench; takes minutes
	$(WITH) PYTHONPATH="$(CURDIR)" python -m tests.perf.history

proofs: setup ## Long proofs, such as sixty daily deliveries that end with the counts of one; takes an hour
	$(WITH) LEASTPACK_STREAM_DAYS=60 LEASTPACK_STREAM_DELIVERIES=60 pytest -m '' tests/spark/outcomes/test_stream.py
	$(WITH) pytest -m proof

simulate: setup ## Certify invented catalogs thousands of times: what ships, against the truth, into out/simulate; takes minutes
	$(WITH) PYTHONPATH="$(CURDIR)" python -m tests.simulate

mutants: setup ## Break the code in known ways, one at a time: a named test must notice each; takes minutes
	$(WITH) PYTHONPATH="$(CURDIR)" python -m tests.mutants

docs: setup ## Write docs/tables.md and docs/config.md from the code
	$(BIN)/python -m leastpack.reference docs

wheel: setup ## Build dist/: the wheel, and what a cluster needs to install it
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation
	cp constraints.txt dist/
	$(BIN)/python scripts/requirements.py cluster > dist/cluster-requirements.txt
	cp .setup/wheels/*/horovod-*.whl dist/

clean: ## Remove outputs, builds and caches
	rm -rf out dist build spark-warehouse metastore_db derby.log .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find lib jobs tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the environment too
	rm -rf .venv .setup
