"""Networks: SAM 2 and SAM-Med3D. PyTorch is imported here and in `finetune` only.

In: arrays and regions. Out: regions, through the Protocols of `sam4ct.types`.

- `device`: CPU or CUDA
- `batches`: smaller batches if device memory runs out
- `pointwise`: 1 x 1 convolutions that do not depend on the number of threads
- `weights`: weight files: manifest, downloads, checks, loading
- `sam2`: finds regions again in another frame
- `sam_med3d`: segments a cell of a volume from a click
"""
