import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.energy.nnls import solve_nnls


def random_system(seed, rows, columns):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, columns)), rng.normal(size=rows)


systems = st.builds(
    random_system, st.integers(0, 2**32 - 1), rows=st.integers(12, 30), columns=st.integers(1, 12)
)


@pytest.mark.parametrize(
    ("matrix", "target", "expected"),
    [
        pytest.param([[1, 0], [0, 1]], [3, 4], [3, 4], id="free optimum is feasible"),
        pytest.param([[1, 0], [0, 1]], [3, -4], [3, 0], id="independent column is clipped"),
        # (x + y - 1)^2 + (x - 2)^2: free x = 2, y = -1; with y = 0 the mean of 1 and 2.
        pytest.param([[1, 1], [1, 0]], [1, 2], [1.5, 0], id="clipping moves the other column"),
        pytest.param([[1, 2], [1, 3]], [-1, -2], [0, 0], id="nothing helps"),
        pytest.param([[1, 0], [1, 0]], [2, 4], [3, 0], id="a column of zeros stays out"),
    ],
)
def test_solves_what_can_be_solved_by_hand(matrix, target, expected):
    solution = solve_nnls(np.array(matrix, dtype=float), np.array(target, dtype=float))
    assert solution == pytest.approx(expected, abs=1e-12)


@given(systems)
def test_solution_meets_the_optimality_conditions(system):
    matrix, target = system
    solution = solve_nnls(matrix, target)
    downhill = matrix.T @ (target - matrix @ solution)
    assert (solution >= 0.0).all()
    assert (downhill <= 1e-8).all()
    assert downhill[solution > 0.0] == pytest.approx(0.0, abs=1e-8)


@given(systems, st.integers(0, 2**32 - 1))
def test_a_start_does_not_change_the_solution(system, seed):
    matrix, target = system
    start = np.random.default_rng(seed).uniform(0.0, 3.0, size=matrix.shape[1])
    cold = solve_nnls(matrix, target)
    assert solve_nnls(matrix, target, start=start) == pytest.approx(cold, abs=1e-8)


@given(systems)
def test_finds_non_negative_coefficients_that_fit_exactly(system):
    matrix, noise = system
    truth = np.maximum(noise[: matrix.shape[1]], 0.0)
    assert solve_nnls(matrix, matrix @ truth) == pytest.approx(truth, abs=1e-8)


@given(systems)
def test_a_repeated_column_does_not_harm(system):
    matrix, target = system
    doubled = np.hstack((matrix, matrix[:, :1]))
    residual = np.linalg.norm(target - matrix @ solve_nnls(matrix, target))
    solution = solve_nnls(doubled, target)
    assert (solution >= 0.0).all()
    assert np.linalg.norm(target - doubled @ solution) == pytest.approx(residual, abs=1e-8)


def test_a_start_with_negative_values_counts_as_zero_there():
    solution = solve_nnls(np.eye(2), np.array([3.0, 4.0]), start=np.array([-5.0, 1.0]))
    assert solution == pytest.approx([3.0, 4.0])
