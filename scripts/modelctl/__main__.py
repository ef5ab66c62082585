"""`python -m modelctl`."""

from __future__ import annotations

import sys

from modelctl.cli import main

if __name__ == "__main__":
    sys.exit(main())
