"""An embryo: a curved sheet of cells in a large sparse volume, of which some are to be followed.

- `tissue`: the sheet: where cells are, and how it flows
- `movie`: frames, drawn tile by tile where there is light
- `seeds`: errors of a seed detector
"""
