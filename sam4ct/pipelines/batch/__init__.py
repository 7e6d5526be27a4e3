"""`run-all`: every sequence below a folder, each in a process of its own.

In the order of a run:

- `targets`: what there is to do
- `preparation`: what stands in the way, told before any work
- `run_all`: `sam4ct run` for one sequence after the other
"""
