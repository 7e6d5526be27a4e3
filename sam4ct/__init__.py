"""sam4ct: links cells over time in Cell Tracking Challenge folders with SAM 2."""

__version__ = "0.1.0"
