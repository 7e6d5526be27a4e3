"""Patches: one labelled cell each, cut from a user's volumes.

Files:

- `images`: the images of a dataset
- `sources`: coarse masks of some of their frames
- `files`: patches on disk
- `prepare`: cuts and splits them
"""
