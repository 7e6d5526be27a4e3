"""Fine-tuning of a SAM-Med3D network on patches.

Files:

- `data`: patches moved, flipped, normalised
- `epochs`: epoch by epoch
- `run`: patches and weights in, weights and a manifest entry out
"""
