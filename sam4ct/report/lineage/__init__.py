"""The lineage as SVG.

Files:

- `colours`: families, their order and colours
- `tree`: the lineage tree
- `charts`: confidence of links, cells over time
"""
