"""Simulated cells: their shapes, and how they move, grow, divide and push each other.

In: a `CellLaw` and a random generator. Out: the cells of the next frame, as `Cell` objects.

- `cell`: one round cell: outline, motion, growth, division
- `rods`, `budding`, `crawlers`: cells of other shapes
- `shapes`: all shapes by name
- `pushing`: cells pushed apart until they hardly overlap
- `channels`: the channels of a mother machine
- `populations`: cells that touch each other, frame by frame
"""
