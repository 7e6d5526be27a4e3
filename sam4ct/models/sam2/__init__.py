"""SAM 2.1: where does each region of a frame lie in another frame?

In: images, regions and windows. Out: propagated regions with object scores.

Files:

- `prompts`: the published method's box and points
- `windows`: image crops, drawn prompts, masks back in the frame
- `trunk`: the encoder without padding
- `neck`: encoder to feature levels
- `attention`: memory attention for one memory
- `decoder`: the mask decoder
- `network`: encode, remember, recall, in batches
- `engine`: all regions of a frame into another frame
- `recogniser`: the same where a frame does not fit in memory
"""
