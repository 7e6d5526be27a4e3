"""Commands beside tracking.

In the order of a run:

- `demo`: simulate, run, evaluate, report
- `selftest`: a fixed simulated suite with floors
- `importing`: a movie and its masks, of any program, to a CTC dataset
- `convert`: TIFF frames to OME-Zarr
- `export`: a result in formats of other programs
- `result_graph`: a result with all that is known of it, as a graph
- `questions`: which places of a lineage are worth a look
- `review`: the review page, served to a browser
- `find_seeds`: the centres of cells in every frame
- `init_tracks`: initial cells from a label frame
- `finetune`: patches to learn from
"""
