"""The stages of tracking, as functions on arrays and tables.

In: label frames and images through the Protocols of `sam4ct.types`. Out: tracks and painted
label frames. No files, no networks, no command line; see `docs/design.md`.

In the order of a run:

- `detect`: regions of the given masks as a table
- `propagate`: evidence: which region of one frame is which region of another
- `repair`: stage shifts found, fragments joined, merged masks cut
- `associate`: evidence to the most probable lineage
- `correct`: answers of a person, obeyed by the lineage
- `fill`: masks for cells that were missed in some frames
- `paint`: links to tracks, and the result's label frames
- `follow`: mode track: chosen cells through a movie too large for memory
- `seeds`: detector of cell centres in large volumes
- `motion`: how the surroundings of a cell move between frames
- `readers`: base of readers that change masks on the way
"""
