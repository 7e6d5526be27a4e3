"""Corrections that come from other programs.

- `from_geff`: what was changed in an editor of tracks
"""
