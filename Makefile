# What CI runs is what is run here: `make check test test-servers`.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-servers bench check fix docs lock image clean
VENV := .venv/bin
ARGS ?=

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 15

setup: ## make .venv with .venv/bin/statusbridge, from the locked requirements
	@scripts/setup.sh runtime

demo: ## run a private XMPP server, a sandbox Mastodon and the bridge (ARGS=--check plays the scene by itself)
	@scripts/demo.sh $(ARGS)

test: ## run the tests, with coverage (ARGS="-k word" selects)
	@scripts/debian.sh prosody postgresql openssl
	@scripts/setup.sh test
	@$(VENV)/pytest -n 2 --dist worksteal --cov --cov-report=term $(ARGS)

test-servers: ## run the long tests: kills, misbehaving servers, the container image
	@scripts/debian.sh prosody ejabberd postgresql openssl gcc libc6-dev buildah netavark debootstrap
	@scripts/setup.sh test
	@$(VENV)/pytest -n 2 --dist worksteal -m servers $(ARGS)

bench: ## measure beside bare scripts on real servers (ARGS="--only burst", --rounds 7, --write, --smoke)
	@scripts/debian.sh prosody postgresql openssl
	@scripts/setup.sh test
	@$(VENV)/python -m tests.bench $(ARGS)

check: ## lint, types, imports, Dockerfile, house rules
	@scripts/setup.sh dev
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/basedpyright
	$(VENV)/lint-imports
	$(VENV)/hadolint Dockerfile
	scripts/house.sh

fix: ## mend what the linter and the formatter can
	@scripts/setup.sh dev
	$(VENV)/ruff check --fix
	$(VENV)/ruff format

docs: ## write the generated parts of docs/ anew (ARGS=--check only tells)
	@scripts/setup.sh runtime
	@$(VENV)/python scripts/docs.py $(ARGS)

lock: ## write requirements/*.txt anew (ARGS=--upgrade takes the newest versions)
	@scripts/lock.sh $(ARGS)

image: ## build the container image localhost/statusbridge from a local Debian, without a registry
	@scripts/debian.sh buildah netavark debootstrap
	@scripts/image.sh

clean: ## remove what the tools made, and .venv
	rm -rf .venv build dist htmlcov .coverage* .hypothesis .pytest_cache .ruff_cache .import_linter_cache
	find bridge plugins tests config -name __pycache__ -type d -prune -exec rm -rf {} +
