"""Training: the compact networks, and SAM-Med3D on a user's own volumes.

- `clicks`: simulated clicks, as a person would give them
- `loop`: the training loop, checkpoints, curve, processes
- `compact`: compact networks on simulated cells
- `patches`: patches cut from annotated volumes
- `tune`: fine-tuning on patches
"""
