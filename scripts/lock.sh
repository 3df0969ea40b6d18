#!/usr/bin/env bash
# Writes requirements/*.txt anew from pyproject.toml: every version, with its hashes, and no host.
# Versions that still fit are kept; `scripts/lock.sh --upgrade` takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check uv
# What this machine is told about indexes and wheel folders must not reach the files.
unset PIP_FIND_LINKS UV_FIND_LINKS

compile() {
    local name=$1
    shift
    "$work/venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
        --output-file "requirements/$name.txt" "$@"
}

# The largest first: the smaller ones take its versions, so that one environment can hold them all.
compile dev pyproject.toml --group dev "$@"
compile test pyproject.toml --group build --group test --constraints requirements/dev.txt "$@"
compile runtime pyproject.toml --constraints requirements/dev.txt "$@"
compile build --group build --constraints requirements/dev.txt "$@"

if grep -nE '://|^-|file:|@ ' requirements/*.txt; then
    echo "lock: these lines name a place; a lock holds names, versions and hashes only." >&2
    exit 1
fi
