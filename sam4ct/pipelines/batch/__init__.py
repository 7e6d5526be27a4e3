"""`run-all`: every sequence below a folder, each in a process of its own.

In the order of a run:

- `targets`: what there is to do
- `preparation`: what stands in the way, told before any work
- `subprocess_job`: one sequence in a process of its own
- `run_all`: one sequence after the other
"""
