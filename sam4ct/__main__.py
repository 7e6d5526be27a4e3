"""What the command `sam4ct`, `python -m sam4ct` and the container start.

Modules take a second or so to load. SIGTERM is answered before that: the first process of a
container would ignore it, and a batch system would see a fault instead of "try again". Closed
streams are opened before that, see `safe_streams`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sam4ct.runtime import end_with_parent, graceful_exit, safe_streams


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; see `sam4ct.cli.main`."""
    with safe_streams(), graceful_exit():
        end_with_parent()
        from sam4ct.cli import main as run_command_line

        run_command_line(arguments)


if __name__ == "__main__":
    main()
