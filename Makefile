# What a newcomer types. `make demo` and `make test` install whatever is missing themselves.
#   make demo ARGS="--headless --speed 600"    make bench ONLY=intake    make serve ARGS="--port 9000"
#   make test ARGS="tests/kernel -k merge"     make PYTHON=python3.12 setup

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
ONLY ?=
MAP := build/maps/helsinki.osm.pbf
TILES := build/maps/helsinki.map/meta.json
ROADS := build/maps/helsinki.roads/built

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test check check-types check-tests bench kills faults tamper sim hostile lock sbom advisories

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' Makefile

setup: ## make .venv with everything pinned; quick when it is up to date
	@$(PYTHON) tools/setup.py
	@$(BIN)/python tools/console.py

$(MAP): | setup
	@$(BIN)/python tools/demo_map.py

$(TILES): $(MAP) | setup
	@$(BIN)/tocsin map build $(MAP) --folder $(@D)
	@touch $@

$(ROADS): $(MAP) | setup
	@$(BIN)/tocsin roads build $(MAP) --folder $(@D)
	@touch $@

demo: setup $(MAP) $(TILES) $(ROADS) ## a town's day on a fresh node, in this terminal
	@$(BIN)/tocsin demo $(ARGS)

serve: setup ## one node on ./data
	@$(BIN)/tocsin serve --data data $(ARGS)

# The screens by themselves: two browsers at once are more than two cores can draw.
test: setup $(MAP) $(TILES) ## every test; those of the screens in a real Chromium
	@tools/browser.sh
	@tools/mosquitto.sh
ifeq ($(ARGS),)
	@$(BIN)/pytest -n 2 --ignore=tests/browser
	@$(BIN)/pytest tests/browser
else
	@$(BIN)/pytest $(ARGS)
endif

check: setup ## static checks, kernel and house tests; under a minute
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache
	@$(MAKE) --no-print-directory --output-sync -j2 check-types check-tests

check-types:
	@$(BIN)/basedpyright
	@$(BIN)/python tools/api_types.py --check
	@cd console && node_modules/.bin/svelte-check --tsconfig ./tsconfig.json --fail-on-warnings --output human

check-tests:
	@$(BIN)/pytest -q -m "not slow" $(wildcard tests/kernel tests/house)

bench: setup $(MAP) $(TILES) $(ROADS) ## the numbers, as a table and in build/bench.json
	@$(BIN)/python -m bench $(ONLY)

kills: setup ## kill -9 of the node over every intake, and of a broker, ARGS times (50)
	@tools/mosquitto.sh
	@TOCSIN_ALARM_KILLS=$(or $(ARGS),50) $(BIN)/pytest -q -s tests/end_to_end/test_alarm_kills.py \
		tests/intakes/test_mqtt_broker.py

faults: setup ## the campaign of faults against the whole node; ARGS="--share 10", ARGS="kill clock"
	@$(BIN)/python -m tests.faults $(ARGS)

tamper: setup ## change the past in the database, ARGS times (1,000); each change must be found
	@TOCSIN_TAMPER=$(or $(ARGS),1000) $(BIN)/pytest -q -s tests/log/test_tampering.py

sim: setup ## the seeded town against the memory store; SEEDS=50000: that many storms, on all cores
	@$(BIN)/tocsin sim $(if $(SEEDS),--storms --seeds $(SEEDS)) $(ARGS)

hostile: setup $(MAP) $(TILES) ## every operation, bombs, slow clients, scripts in every text; ARGS: requests an operation (50)
	@tools/browser.sh
	@TOCSIN_HOSTILE=$(or $(ARGS),50) TOCSIN_REACH_FRESH=10 $(BIN)/pytest -q -s tests/end_to_end/test_every_operation.py \
		tests/end_to_end/test_bombs.py tests/end_to_end/test_hostile.py tests/end_to_end/test_slow_clients.py
	@TOCSIN_HOSTILE=1 $(BIN)/pytest -q tests/browser/test_payloads.py

sbom: setup ## write the bill of materials and the assessment of data protection anew
	@$(BIN)/python tools/sbom.py
	@$(BIN)/python tools/dpia.py

advisories: setup ## components past their time frame; ADVISORIES=FOLDER of OSV records
	@$(BIN)/python tools/advisories.py --ask $(if $(ADVISORIES),--records $(ADVISORIES)) $(ARGS)

lock: setup ## write the lock files anew from pyproject.toml
	@tools/lock.sh $(ARGS)
