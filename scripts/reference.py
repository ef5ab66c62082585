"""Writes docs/reference/ from the program itself: its commands, its policies, its schemas.

python scripts/reference.py            write the pages
python scripts/reference.py --check    print what is stale as a diff, and exit with 1
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from reference_pages.commands import cli_page
from reference_pages.policies import policy_page
from reference_pages.requirements import requirements_page
from reference_pages.schemas import schemas_page

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference"
PAGES: Mapping[str, Callable[[Path], str]] = {
    "cli.md": lambda _: cli_page(),
    "policy.md": policy_page,
    "requirements.md": requirements_page,
    "schemas.md": lambda _: schemas_page(),
}


def stale(folder: Path) -> Iterator[str]:
    """The lines of a diff for each page that is not what would be written now."""
    for name, make in PAGES.items():
        path = folder / name
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        old, new = before.splitlines(keepends=True), make(ROOT).splitlines(keepends=True)
        yield from difflib.unified_diff(
            old, new, f"docs/reference/{name}", "what `make docs` writes"
        )


def write(folder: Path) -> None:
    """Write every page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (folder / name).write_text(make(ROOT), encoding="utf-8")


def main(argv: Sequence[str]) -> int:
    """Write the pages, or only say which are stale."""
    parser = argparse.ArgumentParser(description="Writes docs/reference/.")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a page is stale")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pages lie")
    options = parser.parse_args(argv)
    if not options.check:
        write(options.folder)
        return 0
    found = "".join(stale(options.folder))
    print(found, end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
