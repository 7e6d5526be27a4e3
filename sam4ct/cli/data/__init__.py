"""Commands that simulate, convert or prepare data."""
