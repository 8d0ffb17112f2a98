# Every recipe works through .venv, which .ci/set-up makes and keeps equal to the requirements files.
# The order inside `test` matters, so nothing runs side by side.
.NOTPARALLEL:
.PHONY: help demo test lint types checks requirements faults bench clean packages

python := .venv/bin/python
heading = @printf '\n== %s\n'

help: ## List the targets
	@sed -n 's/^\([a-z]*\):[^#]*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

demo: ## Run the demo network at http://127.0.0.1:8000 until Ctrl-C (PORT=8001 make demo: another port)
	@found=$$(.ci/find-python) && exec "$$found" demo/run.py

# Tests that empty the database come last, as pytest-django puts them: what migrations left there is gone then.
test: lint types checks ## Run every check and test, the full tests on PostgreSQL last (PYTEST_ARGS="-k seats" narrows those)
	$(heading) "The story and the seats on SQLite"
	@DATABASE_URL=sqlite:///var/test.sqlite3 $(python) -m pytest -q -m sqlite_too
	$(heading) "All tests on PostgreSQL"
	@$(python) -m pytest -n auto --dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

lint: packages ## Check style, format and which app imports which
	$(heading) "Style"
	@$(python) -m ruff check
	$(heading) "Format"
	@$(python) -m ruff format --check
	$(heading) "Who imports whom"
	@.venv/bin/lint-imports

types: packages ## Check the types
	$(heading) "Types"
	@$(python) -m mypy

checks: packages ## Look for missing migrations and for production settings that are not safe
	$(heading) "Missing migrations"
	@$(python) manage.py makemigrations --check --dry-run
	$(heading) "Production settings"
	@SECRET_KEY=$$($(python) -c 'import secrets; print(secrets.token_urlsafe(64))') \
	SITE_URL=https://plenary.example ALLOWED_HOSTS=plenary.example \
	DATABASE_URL=postgres://plenary@db.example/plenary REDIS_URL=redis://redis.example:6379/0 \
	EMAIL_URL=smtp+tls://mail.example:587 \
	$(python) manage.py check --deploy --fail-level WARNING

faults: packages ## Kill, freeze, cut and refuse everything, with a line for each scenario (PYTEST_ARGS="-k redis")
	@$(python) -m pytest -q -s -m "" tests/faults $(PYTEST_ARGS)

bench: packages ## Measure pages, seats, lists, reminders, mail and calendars against plain work
	@for subject in pages seats participants reminders mail calendar; do $(python) -m tests.bench.$$subject; done

# A folder of wheels on this machine would give the hashes of its own files only, so none is asked.
compile = env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
	CUSTOM_COMPILE_COMMAND="make requirements" $(python) -m piptools compile --quiet \
	--generate-hashes --allow-unsafe --strip-extras --no-emit-options --no-emit-index-url \
	--no-emit-find-links --no-emit-trusted-host $(ARGS) pyproject.toml

requirements: packages ## Write requirements*.txt again from pyproject.toml (ARGS=--upgrade: with newer versions)
	@$(compile) --output-file requirements.txt
	@$(compile) --output-file requirements-dev.txt --extra dev --constraint requirements.txt

clean: ## Remove .venv and var: the packages, the database and the mail of the demo
	@rm -rf .venv var

packages:
	@.ci/set-up requirements-dev.txt
