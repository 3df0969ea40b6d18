#!/usr/bin/env bash
# scripts/setup.sh [runtime|test|dev]: makes .venv from the locked requirements, with .venv/bin/statusbridge in it.
# A second call finds everything in place and ends at once.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "setup: $*" >&2
    exit 1
}

# A larger set holds the smaller ones, at the same versions.
want=${1:-runtime}
case $want in
    runtime) sets=(runtime) locks=(runtime build) ;;
    test) sets=(runtime test) locks=(test) ;;
    dev) sets=(runtime test dev) locks=(dev) ;;
    *) fail "unknown set of requirements '$want': say runtime, test or dev." ;;
esac

# One line tells all that the installation depends on: its place, its metadata, its locks.
wanted="$PWD $(cat pyproject.toml requirements/*.txt | sha256sum)"
stamp=.venv/.stamp-$want
if [ -x .venv/bin/statusbridge ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi

python=${PYTHON:-python3}
command -v "$python" >/dev/null || fail "$python isn't there: install Python 3.11 or newer, or name one by PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$("$python" --version) is too old: 3.11 or newer is needed."

packages=()
"$python" -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
[ -e /etc/ssl/certs/ca-certificates.crt ] || [ -n "${PIP_CERT:-}${SSL_CERT_FILE:-}" ] || packages+=(ca-certificates)
[ ${#packages[@]} -eq 0 ] || scripts/debian.sh "${packages[@]}"

# The folder alone proves nothing: without ensurepip, venv leaves half of one; and scripts in it name the place it was made for.
home=$(cat .venv/.stamp-home 2>/dev/null || true)
if [ ! -x .venv/bin/pip ] || ! .venv/bin/pip --version >/dev/null 2>&1 || [ "${home:-$PWD}" != "$PWD" ]; then
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
    echo "$PWD" >.venv/.stamp-home
fi

pip=(.venv/bin/pip --quiet --disable-pip-version-check --no-input)
echo "Installing the locked requirements: ${locks[*]}"
requirements=()
for lock in "${locks[@]}"; do requirements+=(--requirement "requirements/$lock.txt"); done
# The locks are complete, so nothing is resolved anew: a resolver would look at versions that appeared since, and older ones
# of pip then stumble over names with extras.
"${pip[@]}" install --no-deps --require-hashes "${requirements[@]}" || fail "pip could not install the requirements: its own words stand above."
"${pip[@]}" install --no-deps --no-build-isolation --editable . || fail "pip could not install statusbridge itself: its own words stand above."
"${pip[@]}" check >/dev/null || fail "the locked requirements don't fit together: .venv/bin/pip check says why; make lock writes them anew."
for set in "${sets[@]}"; do echo "$wanted" >".venv/.stamp-$set"; done
