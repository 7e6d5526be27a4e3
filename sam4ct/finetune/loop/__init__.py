"""The training loop: steps, curve, checkpoints; one for all trainings.

- `trainer`: a network that learns, with its curve and checkpoint
- `training`: trains the compact networks
- `checkpoints`: state from which a killed training goes on
- `curve`: the curve as table and picture
- `processes`: several processes train one network
"""
