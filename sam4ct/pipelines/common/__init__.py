"""What the modes share.

In the order of a run:

- `options`: what a user chooses, and the networks that follow
- `run`: what a run of either mode can be asked
- `sources`: which code a stage depends on
- `session`: a run at work: plan, work folder, clock
- `segmenter`: the segmenter of a run, set up from its plan
- `prefetch`: frames read ahead, files written behind
- `engine_counts`: what the network did, over all parts of a run
- `record`: `run.json`
"""
