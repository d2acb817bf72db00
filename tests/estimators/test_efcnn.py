"""efCNN as a classifier."""

import numpy as np
import pytest

from skomics import EFCNNClassifier

TINY = {
    "n_filters": (6, 4),
    "head_layer_sizes": 8,
    "max_epochs": 5,
    "random_state": 0,
    "device": "cpu",
}


@pytest.mark.parametrize("name", ["kernel_size", "stride", "pool_size"])
@pytest.mark.parametrize(
    ("given_sizes", "expected"),
    [(2, [2, 2]), ([3, 2], [3, 2]), (np.array([3, 2]), [3, 2])],
    ids=["one", "list", "array"],
)
def test_sizes_are_one_for_all_stages_or_one_per_stage(
    name, given_sizes, expected, tiny
):
    model = EFCNNClassifier(**TINY).set_params(**{"kernel_size": 2, name: given_sizes})
    stages = model.fit(*tiny).net_.module_.stages
    assert [getattr(stage, name) for stage in stages] == expected


@pytest.mark.parametrize("n_filters", [5, (5,), [5, 4, 3], np.array([5, 4])])
def test_number_of_stages_is_that_of_the_filters(n_filters, tiny):
    model = EFCNNClassifier(**TINY).set_params(n_filters=n_filters)
    stages = model.fit(*tiny).net_.module_.stages
    assert [len(stage.weight) for stage in stages] == [*np.atleast_1d(n_filters)]


def test_error_for_sizes_of_other_stages(tiny):
    with pytest.raises(ValueError, match=r"Got 3 sizes in pool_size, but n_filters=\("):
        EFCNNClassifier(pool_size=[3, 2, 1], **TINY).fit(*tiny)


def test_error_for_a_size_that_is_no_number(tiny):
    with pytest.raises(ValueError, match="kernel_size must be 'auto' or an integer"):
        EFCNNClassifier(kernel_size=[3, 0], **TINY).fit(*tiny)


def test_early_fusion_does_not_need_the_names_of_the_omics(tiny):
    X, y = tiny
    EFCNNClassifier(**TINY).fit(X.to_numpy(), y)  # a warning would be an error


@pytest.mark.parametrize("n_features", [1, 2])
def test_one_feature_is_enough(n_features):
    X = np.random.default_rng(0).normal(size=(20, n_features))
    y = (X[:, 0] > 0).astype(int)
    assert EFCNNClassifier(**TINY).fit(X, y).predict_proba(X).shape == (20, 2)
