"""SAM-Med3D: the cell of a volume that is clicked on.

Files:

- `crops`: cubes around clicks, masks back in the frame
- `network`: encode a crop, segment what is clicked on
- `engine`: one region for each click, in batches
"""
