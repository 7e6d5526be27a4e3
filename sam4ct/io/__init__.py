"""Read and write all files: only this package knows formats, no stage does.

In and out: numpy arrays, tables of `sam4ct.tables`, values of `sam4ct.types`.

Files:

- `files`: what all formats share: names, labels, safe writing, locks, hashes
- `tiff`: TIFF frames and movies
- `ome_zarr`: OME-Zarr movies
- `movie`: opens a movie in either format
- `cache`: keeps blocks of a movie in memory
- `formats`: images and masks in the files of other programs
- `ctc`: folders and results of the Cell Tracking Challenge
- `corrections`: answers of a person, and edited lineages
- `export`: results in the formats of other programs
- `follow`: seeds and initial cells of mode track
- `datasets`: finds datasets below a folder
- `work`: the work folder of a run
- `simulated`: simulated movies on disk
"""
