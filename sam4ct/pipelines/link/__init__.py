"""Mode link: images and masks to a result folder.

In: a CTC sequence and options. Out: `SS_RES`, `links.parquet`, `run.json`, `report.html`.

In the order of a run:

- `survey`: one look at all frames; the derived profile
- `plan`: everything a run needs, settled before it begins
- `summary`: what `check` prints
- `networks`: the propagator of a run
- `propagate`: detect and propagate, on the work folder
- `repair`: merged masks cut before linking
- `edited_evidence`: evidence of cut and generated regions
- `associate`: the links of the sequence
- `generate`: missed cells of volumes segmented
- `generated`: where generated masks lie
- `result`: fill and paint into the result folder
- `run`: the stages in order
"""
