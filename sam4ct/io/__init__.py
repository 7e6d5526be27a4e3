"""Files: everything that is read from disk or written to it.

In and out: numpy arrays, tables of `sam4ct.tables`, values of `sam4ct.types`. The rooms know
formats; no stage does.

Files:

- `files`: names, labels, whole-or-absent writing, locks, hashes
- `tiff`: TIFF frames and movies
- `ome_zarr`: OME-Zarr movies
- `movie`: a movie in either format, by windows
- `cache`: windows that overlap, read once
- `ctc`: folders of the Cell Tracking Challenge, results and their rules
- `export`: results in the formats of other programs
- `follow`: seeds and initial cells of mode track
- `datasets`: datasets below a folder
- `work`: the work folder of a run
- `simulated`: simulated movies on disk
"""
