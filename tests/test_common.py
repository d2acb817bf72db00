"""scikit-learn's own checks over every public estimator, none excused."""

import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skomics import OmicsConcatenator
from skomics.testing import all_estimators

# Small networks, short training: the checks fit each estimator a hundred times.
# Epochs stay high enough for check_classifiers_train, which asks for accuracy.
QUICK = {
    # Fewer filters do not learn three overlapping classes within the epochs.
    "EFCNNClassifier": {"head_layer_sizes": (16,), "max_epochs": 30},
    "EFNNClassifier": {"hidden_layer_sizes": (32, 16), "max_epochs": 30},
    "LFCNNClassifier": {"n_filters": 4, "head_layer_sizes": (16,), "max_epochs": 30},
    "LFNNClassifier": {
        "branch_layer_sizes": (32, 16),
        "head_layer_sizes": (16,),
        "max_epochs": 30,
    },
    "MoGATClassifier": {
        "hidden_layer_sizes": (16,),
        "pretrain_epochs": 20,
        "max_epochs": 60,
    },
    "MoGCNClassifier": {
        "hidden_layer_sizes": (16, 16),
        "pretrain_epochs": 10,
        "max_epochs": 20,
    },
    "SMAClassifier": {
        "n_tokens": 4,
        "d_model": 16,
        "d_feedforward": 16,
        "n_ensemble": 1,
        "input_dropout": 0.1,
        "max_epochs": 30,
    },
}
SHARED = {"device": "cpu", "lr": 3e-3}
# Nothing to make quick, and no device.
CLOSED_FORM = {"BlockRidgeClassifier": [{}, {"n_folds": "loo"}]}
TRANSFORMERS = {
    "AtacTfidfTransformer": [{}],
    "CLRTransformer": [{}, {"per": "feature"}],
    "LibrarySizeNormalizer": [{}, {"log1p": False}],
    # The checks hand over numbers of any size, but beta values end at 1.
    "MValueTransformer": [{"clip": True}],
    "OmicsConcatenator": [{}, {"transformer": StandardScaler()}],
}


def quick_estimators():
    for name, estimator in all_estimators():
        if name in TRANSFORMERS | CLOSED_FORM:
            variants = (TRANSFORMERS | CLOSED_FORM)[name]
            yield from (estimator(**params) for params in variants)
        else:
            yield estimator(**QUICK[name], **SHARED)


# The checks hand over plain arrays and tables without omics names; that models
# of several omics then warn is tested in tests/estimators/test_base.py.
@pytest.mark.filterwarnings("ignore::skomics.exceptions.NamelessOmicsWarning")
# check_class_weight_classifiers and others ask for labels that do not exist.
@parametrize_with_checks(list(quick_estimators()))
def test_scikit_learn_check(estimator, check):
    check(estimator)


def test_every_public_estimator_is_checked():
    checked = {type(estimator) for estimator in quick_estimators()}
    assert checked == {estimator for _, estimator in all_estimators()}
    assert OmicsConcatenator in checked
