"""SAM-Med3D (Wang et al. 2023, arXiv:2310.15161): segments the cell of a volume that is clicked on.

- `crops`: cubes around clicks, masks put back into the frame
- `network`: encode a crop, segment what is clicked on
- `engine`: one region for each click, in batches
"""
