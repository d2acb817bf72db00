"""lfCNN as a classifier."""

import pickle

import numpy as np
import pytest

from skomics import LFCNNClassifier
from tests.conftest import SIZES

TINY = {
    "n_filters": 4,
    "head_layer_sizes": 8,
    "max_epochs": 5,
    "random_state": 0,
    "device": "cpu",
}


def sizes_of(fitted, name):
    """Return the branches' sizes by omics."""
    sizes = [getattr(branch, name) for branch in fitted.net_.module_.branches]
    return dict(zip(sorted(fitted.omics_), sizes, strict=True))


@pytest.mark.parametrize("name", ["kernel_size", "stride", "pool_size"])
@pytest.mark.parametrize(
    ("given_sizes", "expected"),
    [
        (2, {"rna": 2, "methylation": 2, "mirna": 2}),
        (
            {"mirna": 1, "rna": 3, "methylation": 2},
            {"rna": 3, "methylation": 2, "mirna": 1},
        ),
        ([3, 2, 1], {"rna": 3, "methylation": 2, "mirna": 1}),
        (np.array([3, 2, 1]), {"rna": 3, "methylation": 2, "mirna": 1}),
    ],
    ids=["one", "dict", "list", "array"],
)
def test_sizes_are_one_for_all_by_name_or_by_column_order(
    name, given_sizes, expected, tiny
):
    model = LFCNNClassifier(**TINY).set_params(**{"kernel_size": 2, name: given_sizes})
    fitted = model.fit(*tiny)
    assert sizes_of(fitted, name) == expected
    again = pickle.loads(pickle.dumps(fitted))
    assert sizes_of(again, name) == expected


@pytest.mark.parametrize(
    "sizes", [[3, 2], {"rna": 3, "mirna": 2}, dict.fromkeys("abc", 3)]
)
def test_error_for_sizes_of_other_omics(sizes, tiny):
    message = r"but the omics are \['rna', 'methylation', 'mirna'\]. Give one size"
    with pytest.raises(ValueError, match=message):
        LFCNNClassifier(kernel_size=sizes, **TINY).fit(*tiny)


def test_error_for_a_size_that_is_no_number(tiny):
    with pytest.raises(ValueError, match="kernel_size must be 'auto' or an integer"):
        LFCNNClassifier(kernel_size=[3, 2, 1.5], **TINY).fit(*tiny)


def test_kernel_that_is_too_wide_is_cut_to_the_omics(tiny):
    fitted = LFCNNClassifier(kernel_size=300, pool_size=100, **TINY).fit(*tiny)
    assert sizes_of(fitted, "kernel_size") == SIZES
