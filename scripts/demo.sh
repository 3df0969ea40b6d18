#!/usr/bin/env bash
# scripts/demo.sh [--check]: a private XMPP server, a sandbox Mastodon and the bridge, until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/debian.sh prosody openssl
scripts/setup.sh test
# In this process' place, so that Ctrl-C and signals reach the program itself.
exec .venv/bin/python config/demo/demo.py "$@"
