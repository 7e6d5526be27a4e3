"""Mode link: images and masks to a result folder.

In: a CTC sequence and options. Out: `SS_RES`, `links.parquet`, `run.json`, `report.html`.

In the order of a run:

- `survey`: one look at all frames, kept for later commands; the derived profile
- `plan`: everything a run needs, settled before it begins
- `summary`: what `check` prints
- `networks`: the propagator of a run
- `masks`: the masks as they are now, passed from stage to stage
- `propagate`: the given masks, and the evidence between their regions
- `repair`: fragments joined, merged masks cut, specks dropped
- `lineage`: the links of the sequence, and a person's answers to them
- `generate`: missed cells of volumes segmented, and linked
- `fill`: regions for frames in which linked cells were missed
- `paint`: the result folder, and `run.json`
- `ask`: the places of the lineage that are worth a look
- `run`: the stages in order
"""
