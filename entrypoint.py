"""`python entrypoint.py ARGS` is `sam4ct ARGS`, for containers and uninstalled checkouts."""

from sam4ct.cli import main

if __name__ == "__main__":
    main()
