"""SAM-Med3D (Wang et al. 2023, arXiv:2310.15161): segments the cell at a click in a volume.

In: volumes and clicks. Out: one region for each click.

- `crops`: cubes around clicks, masks put back into the frame
- `network`: encode crops, segment the cell at a click
- `engine`: one region for each click, in batches
"""
