"""Patches: one labelled cell each, cut from a user's volumes.

- `images`: the images of a dataset
- `sources`: coarse masks of some of their frames
- `objects`: the labelled objects of a frame
- `files`: patches on disk
- `prepare`: cut patches and split them into training and validation
"""
