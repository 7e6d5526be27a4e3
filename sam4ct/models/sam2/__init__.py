"""SAM 2.1 (Ravi et al. 2024, arXiv:2408.00714): where is each region of a frame in another frame?

In: images, regions and windows. Out: propagated regions with object scores.

- `prompts`: the box and points of Chen et al. 2025
- `windows`: image crops, masks drawn as prompts, masks put back into the frame
- `trunk`: the image encoder (Hiera) without padding
- `neck`: feature levels from the maps of the encoder
- `attention`: memory attention with one memory for each object
- `decoder`: the mask decoder
- `network`: encode windows, encode objects into memory, find them in other windows
- `cache`: encodings and memories of frames
- `engine`: finds all regions of a frame in another frame
- `recogniser`: the same for frames that do not fit in memory
"""
