"""The compact networks, trained on simulated cells alone.

- `scenes`: draws the parts of training movies at random
- `laws`: kinds of training movies
- `examples`: examples by number, for any training
- `sam2_examples`: objects in two frames of a simulated movie
- `sam2_batches`: batches of them
- `sam2_loss`: loss of masks and object scores
- `sam2`: training of the compact SAM 2
- `sam_med3d_examples`: cells cut out of simulated volumes
- `sam_med3d`: training of the compact SAM-Med3D
"""
