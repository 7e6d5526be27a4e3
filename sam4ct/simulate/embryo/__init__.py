"""Simulated embryos: sparse nuclei in volumes too large for memory, with seeds and exact truth.

Files:

- `tissue`: a curved sheet of dividing cells
- `movie`: its movie
- `seeds`: the seeds of an imperfect detector
"""
