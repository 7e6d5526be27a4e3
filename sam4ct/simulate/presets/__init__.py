"""Named movies, by which `sam4ct simulate --preset` and the benchmarks call them.

Files:

- `preset`: what a named movie is made of
- `crowds`: cells that wander by themselves
- `assemblies`: colonies, sheets and channels
- `movies`: all of them, as laws of movies
"""
