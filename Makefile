# Everything builds on .venv, which makes itself from a bare Python 3.11 or newer and the hashed files in requirements/.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.ready-to-run
STAMP := $(VENV)/.ready-to-test
CODE := src firmware_sim tests bench tools

.PHONY: help run test check coverage bench bounds campaign turns fuzz fuzz-keys worlds kills hardships lines stops records walk explore browser pictures format lock anew windows package docs paper clean

help:
	@echo "make run       the console on a simulated P24; without a terminal, a whole session in simulated time"
	@echo "make test      all tests"
	@echo "make check     style, types, layers"
	@echo "make coverage  every line and branch of safety and session, by their own tests"
	@echo "make bench     ratios measured here"
	@echo "make fuzz      the framers under BYTES of seeded junk"
	@echo "make fuzz-keys BYTES of any kind into the console at every stage"
	@echo "make worlds    WORLDS seeded sessions with faults on each device model"
	@echo "make records   every change of a record, and KILLS writers killed at random instants"
	@echo "make kills     KILLS blows of each kind to the processes of running sessions"
	@echo "make bounds    the bounds of SAFETY.md measured on this machine, 8 minutes; the table is written into it"
	@echo "make stops     every way to stop by hand in every situation of the output, as a table"
	@echo "make hardships SESSIONS whole sessions with a slow disk, a front that is held up and BUSY endless loops: none may end"
	@echo "make lines     mutated LINES and odd stops into the pipe of a running session's controller"
	@echo "make explore   every order of events of a session, up to DEPTH, for at most SECONDS"
	@echo "make browser   a practice session in a real headless browser; pictures into PICTURES"
	@echo "make pictures  the console's screens for the pages, into docs/pictures"
	@echo "make turns     all of what make test plays a part of each day"
	@echo "make campaign  fuzz, worlds, records and turns"
	@echo "make docs      the handbook as a site, built strictly into site/"
	@echo "make paper     the same as one page and one PDF"
	@echo "make format    what the formatter can do by itself"
	@echo "make windows   a session, blows and tests under Windows' Python (Wine); needs root and the registries"
	@echo "make package   wheel, sdist and SBOM into dist/"
	@echo "make anew      both commands in a fresh clone with an empty home; PIP=oldest, newest or a version"
	@echo "make lock      requirements/ from pyproject.toml, renewed; KEEP=1 only adds"

# Nothing is resolved here: each lock is whole, so any pip from 22.3 on installs its lines as they stand, whatever newer
# versions an index has by then. `pip check` then asks whether they are whole in fact.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-user --no-deps
LOCKED := $(INSTALL) --require-hashes --only-binary :all:

# $(RUN) is enough to run, $(STAMP) adds to the same place what tests and checks need.
$(RUN): requirements/run.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "estim needs Python 3.11 or newer with venv; none was found (set PYTHON=...)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(LOCKED) -r requirements/run.txt
	$(INSTALL) --no-build-isolation -e .
	$(BIN)/python -m pip check --disable-pip-version-check
	@touch $@

$(STAMP): requirements/dev.txt $(RUN)
	$(LOCKED) -r requirements/dev.txt
	$(BIN)/python -m pip check --disable-pip-version-check
	@touch $@

# Its records stay here, away from those of real sessions.
run: export ESTIM_HOME ?= $(CURDIR)/.estim
run: $(RUN)
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/estim console; \
	else $(BIN)/estim rehearse knee-replacement-quadriceps-early --level quadriceps=40; fi

# Sessions in real time wait more than they work: more workers than cores.
WORKERS ?= 5
# Nothing is all of them; TESTS=tests/safety a part.
TESTS ?=
test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --maxschedchunk 1 --durations 25 --durations-min 5 $(TESTS)

check: $(STAMP)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	@for file in $(filter-out bench/timing.py,$(wildcard bench/*.py)); do echo "== $$file"; $(BIN)/python $$file || exit 1; done

# Long runs: make campaign BYTES=10000000 WORLDS=10000
BYTES ?= 1000000
WORLDS ?= 1000
# Worlds with what surrounds a controller: make worlds AROUND=1
AROUND ?=
KILLS ?= 1000

campaign: fuzz worlds records turns

# All of what `make test` plays in turns; see tests/turns.py.
TURNS := $(addprefix tests/,system/test_sessions.py system/test_ways.py system/test_practice.py system/test_web.py \
	system/test_session_kills.py system/test_console_way_out.py qualify/test_run.py cli/test_every_command.py \
	protocols/test_library.py rehearsal/test_planted.py rehearsal/test_worlds.py rehearsal/test_triggered.py \
	rehearsal/test_replaying.py safety/test_walk.py console/test_german.py console/test_every_stage.py \
	protocols/test_schema_walk.py handbook/test_topics.py records/test_attacks.py docs/test_walk.py \
	rehearsal/test_bounds.py console/test_small_parts.py)
turns: $(STAMP)
	ESTIM_TURN=all $(BIN)/python -m pytest -q -n 2 $(TURNS) $$($(BIN)/python -m tests.turns)

fuzz: $(STAMP)
	$(BIN)/python bench/wire.py --fuzz $(BYTES)

worlds: $(STAMP)
	@for model in $$($(BIN)/python -c "from estim.drivers.models import MODELS; print(*MODELS)"); do \
		$(BIN)/estim rehearse tests/data/worlds.toml --level quadriceps=20 --device-model $$model --worlds $(WORLDS) --jobs 2 $(if $(AROUND),--around) || exit 1; done

records: $(STAMP)
	$(BIN)/python bench/records.py --tamper
	$(BIN)/python tests/system/record_kills.py --kills $(KILLS)

# The kernel's own tests reach every line and branch of it: an error below 100 %. Left out is what only takes longer.
SLOW := $(addprefix --ignore=tests/,safety/test_walk.py session/test_explore.py session/test_explored.py session/test_engine_machine.py)
coverage: $(STAMP)
	$(BIN)/python -m pytest -n 2 -q --cov=estim.safety --cov=estim.session --cov-branch --cov-report=term-missing:skip-covered \
		--cov-fail-under=100 $(SLOW) tests/safety tests/session tests/contract

# About 20 minutes on two cores. Survivors are explained in tests/safety/survivors.md.
mutants: $(STAMP)
	$(LOCKED) -r requirements/mutants.txt
	$(BIN)/python -m mutmut run --max-children 2 || true
	$(BIN)/python tests/safety/survivors.py

# Breadth first, on all cores; in CI two minutes of it.
DEPTH ?= 6
SECONDS ?= 110
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
explore: $(STAMP)
	$(BIN)/python -m tests.session.explore --depth $(DEPTH) --seconds $(SECONDS) --jobs $(JOBS)

# TIMES measurements of each row of SAFETY.md's table, on a quiet machine.
bounds: TIMES = 3
bounds: $(STAMP)
	$(BIN)/python tests/system/bounds.py --times $(TIMES) --write

kills: KILLS = 100
kills: $(STAMP)
	$(BIN)/python tests/system/session_kills.py --kills $(KILLS)

# BYTES of a terminal's odd bytes at each stage of the console, about 5,000 a second.
fuzz-keys: BYTES = 100000
fuzz-keys: $(STAMP)
	$(BIN)/python -m tests.console.fuzz_keys --bytes $(BYTES)

# Every way to stop in every situation of the output, on real processes: last pulse, later pulses, exit code, words;
# written into docs/measured-stops.md. SHARE=4 plays every fourth cell; all of them take about 40 minutes.
stops: SHARE = 1
stops: $(STAMP)
	$(BIN)/python tests/system/stop_ways.py --share $(SHARE) --write
	$(BIN)/python tests/system/console_stops.py --share $(SHARE) --write

# Whole sessions on a machine that makes it hard: SESSIONS of them, fsync 400 ms, the front held up, BUSY endless loops.
hardships: SESSIONS = 40
hardships: BUSY = 4
hardships: $(STAMP)
	$(BIN)/python tests/system/hardships.py --sessions $(SESSIONS) --busy $(BUSY)
	$(BIN)/python tests/system/hardships.py --controllers 50

# Mutated LINES and odd stops into the pipe of a running session's controller.
lines: LINES = 10000
lines: $(STAMP)
	$(BIN)/python tests/system/pipe_lines.py --lines $(LINES)

# Every point of every device's grid, judged by the kernel and by formulas.
walk: $(STAMP)
	$(BIN)/python -m tests.safety.walk

# Needs chromium and chromedriver.
PICTURES ?= out/pictures
browser: $(STAMP)
	$(BIN)/python tests/system/browser_session.py --pictures $(PICTURES)

pictures: $(STAMP)
	$(BIN)/python -m tools.pictures
	$(BIN)/python -m tools.cast
	$(BIN)/python -m tools.diagrams

# A folder of the same name exists: .PHONY above.
docs: $(STAMP)
	$(LOCKED) -r requirements/docs.txt
	$(BIN)/python -m tools.handbook

# One page of all, and a PDF of it where Chromium is installed; pictures come from the site, so it is built before.
paper: docs
	$(BIN)/python -m tools.handbook.paper

format: $(STAMP)
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

# The locks, renewed, and what changed; KEEP=1 only adds what pyproject.toml newly asks for. They name no host.
KEEP ?=
PIP ?= oldest
lock:
	test -x $(VENV)/lock/bin/python || $(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check --no-user --no-deps --require-hashes --only-binary :all: -r requirements/lock.txt
	$(VENV)/lock/bin/python -m tools.lock --uv $(VENV)/lock/bin/uv $(if $(KEEP),--keep)

# Wheel, sdist and the SBOM of what running takes, into dist/; from what git knows, so commit first.
RELEASE := $(VENV)/release
package:
	test -x $(RELEASE)/bin/python || $(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/python -m pip install --quiet --disable-pip-version-check --no-user --no-deps --require-hashes -r requirements/release.txt
	rm -rf dist
	$(RELEASE)/bin/python -m build --no-isolation --outdir dist .
	$(RELEASE)/bin/cyclonedx-py requirements requirements/run.txt --pyproject pyproject.toml --output-reproducible --of JSON -o dist/estim.cdx.json
	$(RELEASE)/bin/python -m tools.sbom dist/estim.cdx.json

# Windows' Python on this Linux: a session, blows, a console, tests; says SKIPPED where the machine can't. 1.4 GB in CACHE.
# WITHIN=N: no more than N seconds, and what there is no time for is left out and said.
CACHE ?= /tmp/estim-windows
WITHIN ?=
windows: $(STAMP)
	$(BIN)/python -m tools.windows --cache $(CACHE) $(if $(WITHIN),--seconds $(WITHIN))

# What a newcomer meets: a fresh clone of what is committed, an empty home, the oldest pip, an index of years from now.
# TESTS=tests/setup plays a part of the tests there as well, TESTS=tests all of them.
anew:
	$(PYTHON) -m tools.set_up_anew --python $(PYTHON) --pip $(PIP) --tests "$(TESTS)"

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
