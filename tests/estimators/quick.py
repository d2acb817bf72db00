"""Settings with which every estimator is quick, for tests that fit all of them."""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

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
        "n_ensemble": 2,  # one on the linear path, and one beside it
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
    "CohortScaler": [{}, {"shrink": False, "with_scale": False}],
    "LibrarySizeNormalizer": [{}, {"log1p": False}],
    # The checks hand over numbers of any size, but beta values end at 1.
    "MValueTransformer": [{"clip": True}],
    "OmicsConcatenator": [
        {},
        {"transformer": StandardScaler()},
        {
            "transformer": SimpleImputer(),
            "missing_omics": "transform",
            "extra_features": "drop",
            "missing_features": "nan",
        },
    ],
    "ReferenceQuantileNormalizer": [{}, {"per": "feature", "n_quantiles": 5}],
    "SampleRankTransformer": [{}, {"output_distribution": "normal"}],
    "StabilitySelector": [
        {"n_resamples": 5},
        {"n_resamples": 3, "error": "fdr", "level": 0.5, "n_permutations": 2},
        {"n_resamples": 2, "estimator": DecisionTreeClassifier(random_state=0)},
    ],
}

# Around another classifier.
AROUND = {
    "ConformalClassifier": [{}, {"class_conditional": False}],
    "SelectiveClassifier": [{}],
}


def quick_estimators():
    for name, estimator in all_estimators():
        if name in AROUND:
            inner = LogisticRegression()
            yield from (estimator(inner, **params) for params in AROUND[name])
        elif name in TRANSFORMERS | CLOSED_FORM:
            variants = (TRANSFORMERS | CLOSED_FORM)[name]
            yield from (estimator(**params) for params in variants)
        else:
            yield estimator(**QUICK[name], **SHARED)


# Epochs enough to make weights of their own, and too few to learn.
SHORT = {"max_epochs": 5, "pretrain_epochs": 4}
CLASSIFIERS = [cls for name, cls in all_estimators() if name in QUICK]


def make_short(classifier, **params):
    """Return a quick classifier that is trained for a few epochs only."""
    settings = {**QUICK[classifier.__name__], **SHARED, "random_state": 0}
    short = {name: epochs for name, epochs in SHORT.items() if name in settings}
    return classifier(**{**settings, **short, **params})
