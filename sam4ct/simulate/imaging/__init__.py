"""Simulated microscopes: from the cells of a frame to its camera image.

In: fields of the cells, such as the depth of each pixel in its cell. Out: a float32 image.

- `optics`: fields of the cells, and the optics of a movie
- `looks`: how cells look in each kind of microscopy
- `render`: a frame with background, blur and noise
- `camera`: specks, dirt, uneven light, compression
"""
