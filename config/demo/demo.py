"""A private XMPP server, a sandbox Mastodon and the bridge between them, to play with; `--check` plays by itself."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    # The servers are those of the tests, which no environment has installed.
    sys.path.insert(0, str(ROOT))
    try:
        from config.demo.program import main

        sys.exit(main())
    except KeyboardInterrupt:  # before there was anything to stop
        sys.exit(130)
