"""Matrices are frozen, and a large one is not copied without need."""

import numpy as np

from routing.problem import Travel


def test_a_matrix_that_nobody_may_write_to_is_kept_as_it_is():
    matrix = np.arange(9, dtype=np.int32).reshape(3, 3)
    matrix.flags.writeable = False
    assert np.shares_memory(Travel(matrix, matrix).drive_s, matrix)


def test_a_matrix_that_somebody_may_still_change_is_copied():
    matrix = np.zeros((2, 2), dtype=np.int32)
    travel = Travel(matrix, matrix)
    matrix[0, 1] = 7
    assert travel.drive_s[0, 1] == 0
    assert not travel.drive_s.flags.writeable
