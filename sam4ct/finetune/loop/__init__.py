"""The training loop: schedule, running mean of the weights, checkpoints, curve.

Files:

- `training`: the loop
- `checkpoints`: state that a killed training goes on from
- `curve`: the curve as table and picture
- `processes`: several processes train one network
"""
