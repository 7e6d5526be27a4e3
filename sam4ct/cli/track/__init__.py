"""Commands that track: `run`, `check`, `run-all`, `stage`."""
