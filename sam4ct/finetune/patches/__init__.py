"""Patches: one labelled cell each, cut from a user's volumes.

- `images`: the images of a dataset
- `sources`: coarse masks of some of their frames
- `files`: patches on disk
- `prepare`: cut patches and split them into training and validation
"""
