"""What a container starts, and what runs an uninstalled checkout.

`entrypoint.py ARGS` is `sam4ct ARGS`. Without any, all that has been mounted is run.
"""

import sys

from sam4ct.__main__ import main

DATA = "/data"
"""Where a container's user mounts the folder of the datasets."""


def start() -> None:
    """Run the command line and exit."""
    main(sys.argv[1:] or ["run-all", DATA])


if __name__ == "__main__":
    start()
