"""Non-negative least squares for the small systems of a power curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from recommender.energy.array import Floats, Mask

GRADIENT_TOLERANCE = 1e-10
"""Gradient, relative to column norm x right-hand side, that counts as zero: far above the
rounding of a 50 x 25 system (about 1e-14), far below anything a watt reading can tell."""


def solve_nnls(matrix: Floats, target: Floats, *, start: Floats | None = None) -> Floats:
    """Minimise |matrix @ x - target| over x >= 0 by the active-set method.

    `matrix` is [m, n], `target` is [m], the result is [n]. `start` ([n], >= 0) is a guess, such
    as the solution of a similar system: it changes the time needed, not the result, as long as
    the columns are independent. Source: Lawson and Hanson, Solving Least Squares Problems
    (1974), chapter 23. Written out because scipy costs 157 MB and 0.7 s of import.
    """
    columns = matrix.shape[1]
    solution = np.zeros(columns) if start is None else np.maximum(start, 0.0)
    passive = solution > 0.0
    if passive.any():
        solution, passive = _descend(matrix, target, solution, passive)
    scale = GRADIENT_TOLERANCE * np.linalg.norm(matrix, axis=0) * np.linalg.norm(target)
    for _ in range(6 * columns):
        gradient = matrix.T @ (target - matrix @ solution)
        candidates = (gradient > scale) & ~passive
        if not candidates.any():
            break
        entering = int(np.argmax(np.where(candidates, gradient, -np.inf)))
        passive[entering] = True
        solution, passive = _descend(matrix, target, solution, passive)
        if not passive[entering]:  # it left at once: what drew it in was rounding
            break
    return solution


def _descend(
    matrix: Floats, target: Floats, solution: Floats, passive: Mask
) -> tuple[Floats, Mask]:
    """Walk from a feasible point to the least-squares solution on the passive columns.

    Columns that reach zero on the way leave the passive set.
    """
    current, free = solution.copy(), passive.copy()
    while free.any():
        wanted = np.zeros_like(current)
        wanted[free] = np.linalg.lstsq(matrix[:, free], target)[0]
        falling = free & (wanted <= 0.0)
        if not falling.any():
            return wanted, free
        room = current[falling] / np.maximum(current[falling] - wanted[falling], 1e-300)
        step = float(room.min())
        current += step * (wanted - current)
        blocking = np.flatnonzero(falling)[room <= step]
        free[blocking] = False
        current[~free] = 0.0
        current = np.maximum(current, 0.0)
    return current, free
