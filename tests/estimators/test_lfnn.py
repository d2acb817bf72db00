"""lfNN as a classifier."""

import numpy as np
import pytest

from skomics import LFNNClassifier
from tests.conftest import SIZES

TINY = {
    "branch_layer_sizes": (8, 4),
    "head_layer_sizes": 8,
    "max_epochs": 5,
    "random_state": 0,
    "device": "cpu",
}


@pytest.mark.parametrize("sizes", [(7, 3), [7, 3], np.array([7, 3]), 7])
def test_sizes_may_be_any_sequence_or_one_number(sizes, tiny):
    model = LFNNClassifier(
        branch_layer_sizes=sizes, head_layer_sizes=sizes, max_epochs=1, random_state=0
    )
    module = model.fit(*tiny).net_.module_
    for layers in (*module.branches, module.head[:-1]):
        widths = [la.out_features for la in layers if hasattr(la, "out_features")]
        assert widths == [*np.atleast_1d(sizes)]


def test_every_modality_has_a_branch_even_where_columns_are_interleaved(tiny):
    X, y = tiny
    mixed = X.iloc[:, np.random.default_rng(0).permutation(X.shape[1])]
    module = LFNNClassifier(**TINY).fit(mixed, y).net_.module_
    widths = [branch[0].in_features for branch in module.branches]
    assert widths == [SIZES[omics] for omics in sorted(SIZES)]


def test_every_modality_counts(tiny):
    # In the published code the third branch read the second modality.
    X, y = tiny
    fitted = LFNNClassifier(**TINY).fit(X, y)
    expected = fitted.predict_proba(X)
    for omics in SIZES:
        changed = X.copy()
        changed.loc[:, X.columns.str.startswith(f"{omics}__")] += 1.0
        assert not np.allclose(fitted.predict_proba(changed), expected), omics


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("branch_layer_sizes", 0),
        ("head_layer_sizes", "wide"),
        ("dropout", 1.0),
    ],
)
def test_error_for_a_parameter_out_of_range(parameter, value, tiny):
    with pytest.raises(
        ValueError, match=f"The '{parameter}' parameter of LFNNClassifier"
    ):
        LFNNClassifier(**{parameter: value}).fit(*tiny)
