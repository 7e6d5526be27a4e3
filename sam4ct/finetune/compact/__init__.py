"""The compact networks, trained on simulated cells alone.

Files:

- `scenes`: the pieces of training movies, drawn at random
- `laws`: laws of training movies
- `sam2_examples`: objects in two frames of a simulated movie
- `sam2_batches`: batches of these
- `sam2_loss`: mask and object score
- `sam2`: training of the compact SAM 2
- `sam_med3d_examples`: cells cut out of simulated volumes
- `sam_med3d`: training of the compact SAM-Med3D
"""
