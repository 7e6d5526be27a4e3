"""Networks: SAM 2 and SAM-Med3D. PyTorch is imported here and in `finetune` only.

In: arrays and regions. Out: regions, through the Protocols of `sam4ct.types`.

- `device`: CPU or CUDA
- `batches`: smaller batches if device memory runs out
- `pointwise`: 1 x 1 convolutions that do not depend on the number of threads
- `weights`: weight files: manifest, downloads, checks, loading
- `sam2`: finds the regions of a frame in another frame
- `sam_med3d`: segments the cell at a click in a volume
"""
