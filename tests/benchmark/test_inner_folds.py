"""Promises of the choices made within a training part."""

import numpy as np
import pytest
from scipy import sparse

from skomics.benchmark._inner_folds import (
    _InnerFolds,
    _to_dense,
    select_columns,
    slice_columns,
)


@pytest.mark.parametrize(("smallest", "n_splits"), [(9, 5), (3, 3), (1, 2)])
@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
def test_inner_folds_shrink_to_the_smallest_class(smallest, n_splits):
    y = np.array(["a"] * 20 + ["b"] * smallest)
    folds = _InnerFolds(5, shuffle=True, random_state=0)
    assert folds.get_n_splits(y, y) == len(list(folds.split(y, y))) == n_splits


def test_columns_of_a_modality_are_its_own_in_the_order_given():
    sizes = {"rna": 3, "mirna": 2}
    assert slice_columns(sizes) == {"rna": slice(0, 3), "mirna": slice(3, 5)}
    X = np.arange(10).reshape(2, 5)
    kept = select_columns(sizes)["mirna"].fit_transform(X)
    np.testing.assert_array_equal(kept, X[:, 3:])


def test_a_dense_matrix_stays_as_it_is():
    X = np.eye(3)
    assert _to_dense(X) is X
    np.testing.assert_array_equal(_to_dense(sparse.csr_array(X)), X)
