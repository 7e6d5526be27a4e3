"""`python -m sam4ct` is the command `sam4ct`."""

from sam4ct.cli import main

if __name__ == "__main__":
    main()
