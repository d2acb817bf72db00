"""One fitted model of each of scikit-learn's estimators that can be saved."""

import numpy as np
from scipy.stats import loguniform
from sklearn.base import is_regressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from skomics.persistence._names import _ESTIMATORS, find
from tests.conftest import make_tiny

CODES = np.arange(48) % 3


def table():
    """Return shares between 0 and 1, as counts and beta values may be, and labels."""
    X, y = make_tiny()
    return X.abs() / (1 + X.abs()), y


INNER = LogisticRegression()
ARGUMENTS = {
    "AdaBoostClassifier": {"n_estimators": 3},
    "AdaBoostRegressor": {"n_estimators": 3},
    "BaggingClassifier": {"n_estimators": 3, "max_features": 0.5},
    "BaggingRegressor": {"n_estimators": 3},
    "CalibratedClassifierCV": {"cv": 2},
    "ClassifierChain": {"estimator": INNER},
    "ColumnTransformer": {"transformers": [("a", StandardScaler(), [0, 2])]},
    "DummyClassifier": {"strategy": "prior"},
    "FeatureUnion": {"transformer_list": [("a", StandardScaler())]},
    "FixedThresholdClassifier": {"estimator": INNER},
    "FunctionTransformer": {"func": np.log1p, "inverse_func": np.expm1},
    "GradientBoostingClassifier": {"n_estimators": 3},
    "GradientBoostingRegressor": {"n_estimators": 3, "loss": "huber"},
    "GridSearchCV": {"estimator": INNER, "param_grid": {"C": [1, 2]}, "cv": 2},
    "HalvingGridSearchCV": {"estimator": INNER, "param_grid": {"C": [1, 2]}, "cv": 2},
    "HalvingRandomSearchCV": {
        **{"estimator": INNER, "param_distributions": {"C": [1, 2]}},
        **{"cv": 2, "random_state": 0},
    },
    "LassoLarsIC": {"criterion": "bic"},
    "MultiOutputClassifier": {"estimator": INNER},
    "MultiOutputRegressor": {"estimator": Ridge()},
    "MLPClassifier": {"hidden_layer_sizes": (4,), "max_iter": 2},
    "MLPRegressor": {"hidden_layer_sizes": (4,), "max_iter": 2},
    "NeighborhoodComponentsAnalysis": {"max_iter": 2},
    "Nystroem": {"n_components": 4},
    "OneVsOneClassifier": {"estimator": INNER},
    "OneVsRestClassifier": {"estimator": INNER},
    "OutputCodeClassifier": {"estimator": INNER, "random_state": 0},
    "Pipeline": {"steps": [("a", StandardScaler()), ("b", INNER)]},
    "QuantileTransformer": {"n_quantiles": 10},
    "RFE": {"estimator": INNER},
    "RFECV": {"estimator": INNER, "cv": 2, "step": 10},
    "RandomizedSearchCV": {
        **{"estimator": INNER, "param_distributions": {"C": loguniform(0.1, 10)}},
        **{"cv": 2, "n_iter": 2, "random_state": 0},
    },
    "RegressorChain": {"estimator": Ridge()},
    "RadiusNeighborsClassifier": {"radius": 30},
    "RadiusNeighborsRegressor": {"radius": 30},
    "SelectFromModel": {"estimator": INNER},
    "SelectKBest": {"k": 4},
    "SelfTrainingClassifier": {"estimator": INNER},
    "SequentialFeatureSelector": {
        **{"estimator": LogisticRegression(max_iter=5, tol=1.0)},
        **{"n_features_to_select": 1, "cv": 2},
    },
    "SparseRandomProjection": {"n_components": 3, "random_state": 0},
    "GaussianRandomProjection": {"n_components": 3, "random_state": 0},
    "StackingClassifier": {"estimators": [("a", INNER)], "cv": 2},
    "StackingRegressor": {"estimators": [("a", Ridge())], "cv": 2},
    "TheilSenRegressor": {"max_iter": 2, "max_subpopulation": 50, "random_state": 0},
    "TransformedTargetRegressor": {"regressor": Ridge()},
    "TunedThresholdClassifierCV": {"estimator": INNER, "cv": 2},
    "VotingClassifier": {"estimators": [("a", INNER)], "voting": "soft"},
    "VotingRegressor": {"estimators": [("a", Ridge())]},
}
MANY_TARGETS = ("MultiOutput", "RegressorChain", "ClassifierChain", "MultiTask")
PARTS = ("_", "sklearn.preprocessing.Label", "sklearn.frozen", "sklearn.isotonic")


def class_paths():
    for module, names in _ESTIMATORS.items():
        for name in names.split():
            path = f"{module.removesuffix('._')}.{name}"
            is_part = name.startswith("_") or path.startswith(PARTS[1:])
            if not is_part and name not in ("KernelCenterer", "MultiLabelBinarizer"):
                yield path


def data_for(model):
    X, y = table()
    X, codes, name = X.to_numpy()[:, :6], CODES, type(model).__name__
    if name.startswith(MANY_TARGETS):
        return X, np.stack([codes % 2, (codes + 1) % 2], axis=1)
    if name.endswith(("ThresholdClassifier", "ThresholdClassifierCV")):
        return X, codes % 2
    if name in ("OneHotEncoder", "OrdinalEncoder", "CategoricalNB"):
        return X.round(), codes
    return X, (codes + X[:, 0] if is_regressor(model) else codes)


def fitted_model(path):
    """Return a model of a class by its path, and the samples it was fitted on."""
    cls = find("class", path)
    model = cls(**ARGUMENTS.get(cls.__name__, {}))
    if "random_state" in model.get_params():
        model.set_params(random_state=0)
    X, y = data_for(model)
    return model.fit(X, y), X
