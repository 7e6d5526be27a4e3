"""The stages put together with files, networks and options. Called by `sam4ct.cli`.

In the order of a run:

- `dispatch`: which mode a sequence is run in
- `link`: masks to lineage
- `follow`: chosen cells through a large movie
- `correct`: an edited lineage to corrections
- `batch`: every sequence below a folder
- `arrays`: `sam4ct.link`, arrays in and out
- `tools`: demo, selftest, convert, seeds, initial cells, fine-tuning
- `package`: the `SW` folder of a submission
- `common`: what the modes share
"""
