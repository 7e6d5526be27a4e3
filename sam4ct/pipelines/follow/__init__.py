"""Mode track: seeds and initial cells to a result folder.

In the order of a run:

- `survey`: the profile that fits the movie
- `plan`: everything a run needs
- `summary`: what `check` prints
- `networks`: the segmenter and the recogniser
- `artifacts`: what each frame leaves in the work folder
- `run`: frame by frame
- `record`: `run.json`
- `report`: `report.html`
"""
