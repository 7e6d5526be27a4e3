"""From evidence to the links of the result.

In the order of a run:

- `associate`: the links of the sequence
- `solved`: keeps the problem of the last linking, and its optimum
- `edit`: masks joined and cut as a person has said, and linked again
- `correct`: links that obey a person's answers; debris dropped
- `ask`: questions about the lineage, and what it is after some answers
"""
