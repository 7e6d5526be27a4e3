"""Frames as pictures with outlines.

Files:

- `whole`: whole frames
- `extract`: parts of frames too large to show
- `projection`: a volume made flat
- `ends`: the regions at the ends of links
- `crop`: square windows of frames
- `outlines`: masks as SVG paths
- `views`: one way to look at frames
- `slices`: slices of volumes, and their side
- `viewer`: the data of the viewer as JSON
"""
