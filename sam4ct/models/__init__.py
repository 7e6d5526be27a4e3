"""Networks: SAM 2 and SAM-Med3D. PyTorch is imported here and in `finetune` only.

In: arrays and regions. Out: regions, through the Protocols of `sam4ct.types`.

Files:

- `device`: CPU or CUDA
- `batches`: smaller batches if device memory runs out
- `pointwise`: convolutions of single pixels, the same for any number of threads
- `weights`: weight files: manifest, fetching, checking, loading
- `sam2`: propagates regions between frames
- `sam_med3d`: segments a cell of a volume from a click
"""
