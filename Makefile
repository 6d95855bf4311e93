# `make help` lists the commands; bin/setup and bin/run do the work.
.PHONY: help run run-score test test-slow test-mysql dev setup lint messages browser pictures e2e e2e-negative torture torture-negative \
	fuzz fuzz-negative slow-clients stack stack-negative stack-roles cluster cluster-negative backups \
	bench bench-backups bench-exports bench-limits bench-memory bench-metrics bench-office monitoring profile mariadb clean
.DEFAULT_GOAL := help
MANAGE := .venv/bin/python manage.py
PYTEST := .venv/bin/python -m pytest
# On a server the second process would wait for the first one's database too long.
PROCESSES := $(if $(DATABASE_URL),,--numprocesses auto --maxprocesses 4)
# For commands that need settings but not an operator's: .env must not change their outcome.
NEUTRAL := ENV_FILE= SECRET_KEY=for-development-tools-only DATABASE_URL=sqlite://:memory:

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "PORT=8001           another port (run, dev)"
	@echo "DATABASE_URL=mysql://user:password@127.0.0.1:3306/scoring  another database (run, dev, test, browser)"
	@echo "ARGS='-k score -x'  arguments for pytest (test, browser), a pattern of names (e2e, e2e-negative)"
	@echo "PYTHON=python3.12   another Python for a new .venv"
	@echo "NO_APT=1            never call apt-get, even as root"

run: ## serve the site on http://127.0.0.1:8000; the first time with sample data and a login
	@bin/setup
	@bin/run

run-score: ## serve the mini program by score workers on http://127.0.0.1:8001 (SCORE_… settings)
	@bin/setup
	@$(MANAGE) migrate --no-input --verbosity 0
	@$(MANAGE) collectstatic --no-input --verbosity 0
	@bin/serve-score

test: ## run the tests, on SQLite unless DATABASE_URL names another server
	@ENV_FILE= bin/setup
	@$(PYTEST) $(PROCESSES) $(ARGS)

test-slow: ## run the tests that start servers (MariaDB, Redis, Prometheus) or make many rows
	@ENV_FILE= bin/setup --dev --prometheus
	@$(PYTEST) $(PROCESSES) -m slow $(ARGS)

test-mysql: ## run the tests on a throw-away MySQL 9.7 (root on Debian)
	@ENV_FILE= bin/setup --mysql
	@bin/mysql $(PYTEST) $(ARGS)

monitoring: ## load the alert rules and the dashboard into a real Prometheus that scrapes a running site
	@ENV_FILE= bin/setup --dev --prometheus
	@$(PYTEST) -m slow grades/tests/servers/test_monitoring.py $(ARGS)

dev: ## serve the site with DEBUG and reload it when a file changes
	@bin/setup
	@bin/run --dev

setup: ## install or repair the dependencies; tries MySQL support again
	@bin/setup --again

# pre-commit runs this too (.pre-commit-config.yaml).
lint: ## check style, types, imports, scripts, migrations and translations
	@ENV_FILE= bin/setup --dev --gettext --node
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	ENV_FILE= .venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/shellcheck -x bin/* bench/run .ci/run deploy/*.sh deploy/cluster/node.sh deploy/run-program deploy/scoring
	bin/lint-js
	$(NEUTRAL) $(MANAGE) makemigrations --check --dry-run
	$(NEUTRAL) .venv/bin/python deploy/additive.py
	$(NEUTRAL) bin/check-translations

messages: ## collect the texts to translate and compile the Chinese catalogue
	@ENV_FILE= bin/setup --gettext
	$(NEUTRAL) $(MANAGE) makemessages --locale zh_Hans --no-obsolete --add-location file --ignore 'grades/tests/*'
	$(NEUTRAL) $(MANAGE) compilemessages --locale zh_Hans --ignore '.venv'

browser: ## run the browser tests in chromium
	@ENV_FILE= bin/setup --dev --chromium
	@$(PYTEST) -m browser grades/tests/browser $(ARGS)

pictures: ## take the README's pictures anew, or every page in every look (PICTURES_DIR=var/pictures)
	@ENV_FILE= bin/setup --dev --chromium
	@PICTURES_DIR=$(PICTURES_DIR) README_PICTURES_DIR=docs/img $(PYTEST) -m browser grades/tests/browser/test_pictures.py

e2e: ## run the mini program in chromium against the server on MariaDB (PICTURES_DIR=var/mp, CLIENT=…: e2e/README.md)
	@ENV_FILE= bin/setup --chromium --mariadb --node
	@PICTURES_DIR=$(PICTURES_DIR) CLIENT=$(CLIENT) bin/e2e $(if $(ARGS),'$(ARGS)')

e2e-negative: ## break the mini program in many ways and check that the tests notice each one
	@ENV_FILE= bin/setup --chromium --mariadb --node
	@CLIENT=$(CLIENT) bin/e2e --negative $(if $(ARGS),'$(ARGS)')

torture: ## kill servers and database under load and count the ratings (TORTURE_SECONDS=300, SCORE_SERVER=gunicorn)
	@ENV_FILE= bin/setup --mariadb
	@.venv/bin/python -m torture

torture-negative: ## torture without the protections, and check that each lost and doubled rating is noticed
	@ENV_FILE= bin/setup --mariadb
	@.venv/bin/python -m torture --negative

cluster: ## lose nodes of a cluster of three under load and count the ratings (root on Debian; docs/scale.md)
	@ENV_FILE= bin/setup --mariadb --cluster
	@.venv/bin/python -m cluster

cluster-negative: ## cripple the cluster in two ways and check that each is noticed
	@ENV_FILE= bin/setup --mariadb --cluster
	@.venv/bin/python -m cluster --negative

fuzz: ## send hostile requests to each server and compare with the contract (FUZZ_SEED=7, FUZZ_REQUESTS=20000)
	@ENV_FILE= bin/setup --mariadb
	@bin/mariadb .venv/bin/python -m fuzz

fuzz-negative: ## break the server in many ways and check that the fuzzer notices each one
	@ENV_FILE= bin/setup --mariadb
	@bin/mariadb .venv/bin/python -m fuzz --negative

slow-clients: ## count the slow requests and idle connections that stop each server
	@ENV_FILE= bin/setup --mariadb
	@bin/mariadb .venv/bin/python -m fuzz.slow

stack: ## install and use the site on a fresh Debian 12 in a container, by each process manager (STACK_RUNS=3, as root)
	@ENV_FILE= bin/setup --stack
	@.venv/bin/python -m stack $(ARGS)

stack-roles: ## install a cluster by install.sh: three database nodes and two application hosts, each a machine of its own
	@ENV_FILE= bin/setup --stack
	@.venv/bin/python -m stack --roles

stack-negative: ## break the installation in several ways and check that `make stack` notices each one
	@ENV_FILE= bin/setup --stack
	@.venv/bin/python -m stack --negative $(ARGS)

backups: ## back up, restore, drill and recover a throw-away MariaDB (root on Debian)
	@ENV_FILE= bin/setup --mariadb --backups
	@$(PYTEST) -m backups --numprocesses auto --maxprocesses 4 grades/tests/deploy $(ARGS)

profile: ## where the CPU time of one rating goes, on a throw-away MariaDB
	@ENV_FILE= bin/setup --mariadb
	@$(NEUTRAL) bin/mariadb sh -c '$(MANAGE) migrate --verbosity 0 && .venv/bin/python bench/profile_path.py'

bench: ## compare the path of a rating with other stacks on MariaDB (BENCH_* settings: bench/compare.py)
	@ENV_FILE= bin/setup --mariadb --node --wrk
	@bench/run compare

bench-exports: ## export a million ratings as CSV and XLSX and compare with the driver alone (BENCH_ROUNDS=3)
	@ENV_FILE= bin/setup --mariadb
	@bin/mariadb .venv/bin/python bench/office_exports.py

bench-backups: ## time backup, restore, drill and recovery of a million ratings (BENCH_BACKUP_ROWS=…; root on Debian)
	@ENV_FILE= bin/setup --mariadb --backups
	@.venv/bin/python bench/backups.py

bench-memory: ## send 100,000 ratings to the score workers and watch their memory
	@ENV_FILE= bin/setup --mariadb --node --wrk
	@bench/run memory

bench-limits: ## what the rate limits cost a rating, in Redis and in the database (BENCH_ROUNDS=20)
	@ENV_FILE= bin/setup --mariadb --redis --wrk
	@bench/run limits
bench-metrics: ## the CPU time of a rating with and without metrics (BENCH_* settings: bench/metrics.py)
	@ENV_FILE= bin/setup --mariadb --node --wrk
	@bench/run metrics

bench-office: ## time the pages of the back office at ten million ratings beside stock admin (BENCH_OFFICE_ROWS=1000000,10000)
	@ENV_FILE= bin/setup --mariadb
	@bench/run office

mariadb: ## start a throw-away MariaDB and print its DATABASE_URL, until Ctrl-C
	@bin/mariadb sh -c 'echo "DATABASE_URL=$$DATABASE_URL (Ctrl-C stops the server and deletes its data)"; \
		exec sleep 2147483647'

clean: ## remove .venv, collected static files and caches; keeps .env and the database
	rm -rf .venv bench/.venv bench/peers/stock_admin/.venv bench/peers/fastify/node_modules e2e/node_modules var/static .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
