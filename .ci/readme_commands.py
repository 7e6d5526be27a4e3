"""Run the shell blocks of pages whose fence says ```bash ci, in order, as a reader would type them.

Each block runs in the current folder under `bash -euo pipefail`; the first that
fails ends the check. A page without such a block fails it as well.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FENCED = re.compile(r"^```bash ci\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main(pages: list[Path]) -> int:
    """Run the blocks of all pages; return the exit status of the first that fails, else 0."""
    return next((status for page in pages if (status := run_page(page))), 0)


def run_page(page: Path) -> int:
    """Run the blocks of a page; return the exit status of the first that fails, else 0."""
    blocks = FENCED.findall(page.read_text())
    if not blocks:
        print(f"{page}: no block starts with ```bash ci, so nothing was checked", file=sys.stderr)
        return 1
    for block in blocks:
        print(block, end="", flush=True)
        status = subprocess.run(["bash", "-euo", "pipefail", "-c", block], check=False).returncode
        if status:
            print(f"{page}: these commands ended with exit status {status}", file=sys.stderr)
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main([Path(page) for page in sys.argv[1:]]))
