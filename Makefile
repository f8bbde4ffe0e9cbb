# Everything runs in .venv, which is made on first use from hashed requirements. `make` alone lists the verbs.

VENV := .venv
INSTALLED = $(VENV)/.installed
IN_VENV = $(VENV)/bin/python -m
TESTS =
LOCK =

# With extras as they were asked for: pip before 23.3 takes `coverage[toml]` for another package than a pinned `coverage`.
COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  --no-annotate --no-emit-index-url --no-strip-extras

# A file of tests stays in one process: what its tests share is made once.
EVERY_CORE = -n auto --dist loadfile

# PYTHON=/path/to/python chooses; otherwise the first of these that is new enough.
PYTHON ?=
CANDIDATES = $(or $(PYTHON),python3 python3.13 python3.12 python3.11)

# A fault here lets a secret out, loses a recording or replays a wrong answer: tested to the last branch.
COVERED = acetate/redaction.py,acetate/cassette.py,acetate/matching.py,acetate/journal.py,acetate/files.py,app/auth/*

.DEFAULT_GOAL := help
.PHONY: help install run test test-plan test-journey check format lint types imports coverage fmt record docs lock matrix bench-check bench-replay bench-killed bench-shape bench-service bench-companion clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(INSTALLED) ## make .venv, or bring it up to date

$(INSTALLED): pyproject.toml requirements/dev.txt
	@for python in $(CANDIDATES); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Acetate needs Python 3.11 or newer; tried: $(CANDIDATES)." >&2; \
	  echo "  next: make $(or $(MAKECMDGOALS),install) PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	echo "Installing into $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv $(VENV)
	@$(IN_VENV) pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(IN_VENV) pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(INSTALLED) ## serve runs and reviews on embedded SQLite; prints the address and, once, a password
	@$(IN_VENV) app serve --project .

test: $(INSTALLED) ## run the tests; TESTS=tests/toolkit runs some of them
	@$(IN_VENV) pytest $(EVERY_CORE) $(TESTS)

test-journey: $(INSTALLED) ## from a failing job to a green one in a browser; KEEP_SCREENSHOTS=1 takes the guide's pictures
	@$(IN_VENV) pytest tests/journeys/test_review_in_the_browser.py

test-plan: $(INSTALLED) ## the backend's testing plan, line by line, with coverage
	@$(IN_VENV) tests.app.plan

check: format lint types imports coverage ## all that CI holds: format, lint, types, imports, tests, coverage

format: $(INSTALLED)
	@$(IN_VENV) ruff format --check .

lint: $(INSTALLED)
	@$(IN_VENV) ruff check .

types: $(INSTALLED)
	@$(IN_VENV) mypy

imports: $(INSTALLED)
	@$(VENV)/bin/lint-imports

coverage: $(INSTALLED)
	@$(IN_VENV) coverage erase
	@$(IN_VENV) coverage run -m pytest $(EVERY_CORE)
	@$(IN_VENV) coverage combine --quiet
	@rm -f .coverage.*  # of processes that a test killed
	@$(IN_VENV) coverage report
	@$(IN_VENV) coverage report --include=$(COVERED) --fail-under=100

fmt: $(INSTALLED) ## format, and fix what can be fixed
	@$(IN_VENV) ruff check --fix-only --quiet .
	@$(IN_VENV) ruff format .

record: $(INSTALLED) ## record this repository's own cassettes again, from the stand-in in tests/standin
	@$(IN_VENV) tests.recorded.record

docs: $(INSTALLED) ## write docs/reference/ from the code
	@$(VENV)/bin/python docs/generate.py

lock: $(INSTALLED) ## requirements/ from pyproject.toml; LOCK=--upgrade takes the newest
	@$(IN_VENV) pip install --quiet --disable-pip-version-check uv
	@$(COMPILE) --group dev $(LOCK) pyproject.toml -o requirements/dev.txt
	@$(COMPILE) --group service -c requirements/dev.txt pyproject.toml -o requirements/service.txt

matrix: ## the toolkit's tests on every supported Python found here
	@for version in 3.11 3.12 3.13 3.14; do \
	  for python in python$$version "$${PYENV_ROOT:-.}"/versions/$$version.*/bin/python; do \
	    if "$$python" -c '' 2>/dev/null; then \
	      $(MAKE) --no-print-directory test VENV=.venv-$$version PYTHON="$$python" TESTS=tests/toolkit || exit 1; break; \
	    fi; \
	  done; \
	done

bench-check: $(INSTALLED) ## time `acetate check`
	@$(VENV)/bin/python bench/check.py

bench-replay: $(INSTALLED) ## time playing cassettes, beside others
	@$(VENV)/bin/python bench/replay.py

bench-killed: $(INSTALLED) ## kill 200 recordings and count what is lost
	@KILLED_RECORDINGS=200 $(IN_VENV) pytest tests/recording/test_killed.py

bench-shape: $(INSTALLED) ## time learning a contract
	@$(VENV)/bin/python bench/shape.py

bench-service: $(INSTALLED) ## time a big run at the service
	@$(VENV)/bin/python bench/service.py

bench-companion: $(INSTALLED) ## time chats, and hold 500 open at once
	@$(VENV)/bin/python bench/companion.py

clean: ## remove what was installed and cached
	@rm -rf .venv .venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage*
