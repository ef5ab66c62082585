"""`python -m forge --root DIR --port N --seed seed.json`: a forge as a process of its own."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from forge.admin import seed
from forge.server import Forge


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted. The first line printed tells the address."""
    parser = argparse.ArgumentParser(prog="forge", description="A stand-in for GitHub.")
    parser.add_argument("--root", type=Path, required=True, help="where repositories are kept")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--seed", type=Path, help="what there is from the start, as JSON")
    options = parser.parse_args(arguments)
    forge = Forge(options.root, options.port)
    made = seed(forge.state, json.loads(options.seed.read_text())) if options.seed else {}
    sys.stdout.write(json.dumps({"url": forge.url, **made}) + "\n")
    sys.stdout.flush()
    forge.serve()


if __name__ == "__main__":
    main()
