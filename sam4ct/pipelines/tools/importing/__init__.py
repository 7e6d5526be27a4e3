"""A movie and its masks, of any program, become a sequence of a CTC dataset.

In: files or folders of images and masks. Out: `DATASET/SS` and `DATASET/SS_ERR_SEG`.

- `look`: what the files are taken for
- `movie`: writes the sequence
- `for_run`: both, for `run IMAGES MASKS`
"""
