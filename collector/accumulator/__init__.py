"""Own counters of energy: what registers that wrap, reset and fail have told altogether.

Energy is whole microjoules (Python and numpy 64-bit integers, 290,000 years at 1 W), so that
sums are exact in any order and a split can be checked to the last unit.
"""
