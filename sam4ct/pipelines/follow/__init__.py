"""Mode track: seeds and initial cells to a result folder.

In the order of a run:

- `survey`: the profile that fits the movie
- `plan`: everything a run needs
- `summary`: what `check` prints
- `networks`: the segmenter and the recogniser
- `artifacts`: what each frame leaves in the work folder
- `frames`: from one frame to the next
- `paint`: the frames of the result
- `run`: from plan to result
- `record`: `run.json`
- `report`: `report.html`
"""
