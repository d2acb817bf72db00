"""Contenders: the classifiers that are compared."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256

import numpy as np
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics.preprocessing import OmicsConcatenator

__all__ = ["CONTENDERS", "Contender", "as_contenders"]


@dataclass(frozen=True)
class Contender:
    """A classifier under a name.

    Parameters
    ----------
    name : str
        Short name, for the command line and the results.

    make : callable
        Takes a random state (int) and returns an unfitted classifier. With more than
        one process it must be picklable.

    label : str, default=None
        Name for tables and figures; None takes `name`.

    params : dict, default={}
        Parameters set on the classifier if it has them.

    is_named_input : bool, default=True
        Whether the classifier takes what :class:`~skomics.OmicsConcatenator` gives by
        default, with the omics in the names of the features, or a bare matrix.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skomics.benchmark import Contender
    >>> def make_forest(random_state):
    ...     return RandomForestClassifier(random_state=random_state)
    >>> Contender("forest", make_forest).build({"rna": False}, 0)[-1]
    RandomForestClassifier(random_state=0)
    """

    name: str
    make: Callable
    label: str | None = None
    params: Mapping = field(default_factory=dict)
    is_named_input: bool = True

    def __post_init__(self):
        if self.label is None:
            # A frozen dataclass is only set this way, while it is being made.
            object.__setattr__(self, "label", self.name)

    @property
    def module(self):
        """Module that defines the classifier; None if it cannot be made."""
        try:
            return type(self.make(0)).__module__
        except Exception:  # a contender may fail in any way
            return None

    def build(self, sparse_omics, random_state):
        """Return the pipeline that is fitted on a training part.

        Parameters
        ----------
        sparse_omics : dict of str to bool
            The omics, each with whether its table is sparse.

        random_state : int
            Seed of the classifier.

        Returns
        -------
        pipeline : Pipeline
            Median imputation and standardisation per omics, then the classifier.
        """
        classifier = self.make(random_state)
        known = classifier.get_params()
        classifier.set_params(**{k: v for k, v in self.params.items() if k in known})
        omics = OmicsConcatenator(_make_preprocessing(sparse_omics))
        if not self.is_named_input:
            omics.set_output(transform="numpy")
        return Pipeline([("omics", omics), ("clf", classifier)])

    def settings(self, sparse_omics):
        """Return a short digest of every parameter of the pipeline but its seed.

        Parameters
        ----------
        sparse_omics : dict of str to bool
            The omics, each with whether its table is sparse.

        Returns
        -------
        digest : str
            Twelve hexadecimal digits; none if the classifier cannot be made, which
            is for its fits to report.
        """
        try:
            params = self.build(sparse_omics, 0).get_params()
        except Exception:  # a contender may fail in any way
            return ""
        # An object without a repr of its own shows its address.
        text = re.sub(
            r" at 0x[0-9a-f]+", "", repr(sorted(map(_describe, params.items())))
        )
        return sha256(text.encode()).hexdigest()[:12]


def _describe(item):
    name, value = item
    # Objects with parameters are listed by their type here and by their parameters
    # under names of their own.
    return name, repr(type(value)) if hasattr(value, "get_params") else repr(value)


def _make_preprocessing(sparse_omics):
    """Return imputation and scaling per omics; a sparse table stays sparse."""
    dense = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    if not any(sparse_omics.values()):
        return dense
    thin = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=0),
        StandardScaler(with_mean=False),
    )
    return {
        omics: thin if is_sparse else dense for omics, is_sparse in sparse_omics.items()
    }


class _InnerFolds(StratifiedKFold):
    """Shuffled stratified folds, no more than the smallest class has members."""

    def split(self, X, y, groups=None):
        """Yield training and validation positions."""
        yield from self._fitting(y).split(X, y, groups)

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds for these labels."""
        return self._fitting(y).n_splits

    def _fitting(self, y):
        smallest = np.unique(y, return_counts=True)[1].min()
        n_splits = min(self.n_splits, max(2, smallest))
        return StratifiedKFold(n_splits, shuffle=True, random_state=self.random_state)


def _make_classifier(name, random_state):
    # Imported here, so that a listing of the contenders loads no torch.
    from skomics import estimators

    return getattr(estimators, name)(random_state=random_state)


def _deep(name, class_name, label):
    return Contender(name, partial(_make_classifier, class_name), label)


def _make_logistic(random_state):
    return GridSearchCV(
        LogisticRegression(max_iter=2000, random_state=random_state),
        {"C": [0.01, 0.1, 1.0]},
        scoring="f1_macro",
        cv=_InnerFolds(5, shuffle=True, random_state=random_state),
    )


# The contenders that the command line knows, one line each.
CONTENDERS = {
    contender.name: contender
    for contender in [
        _deep("sma", "SMAClassifier", "SMA"),
        _deep("efnn", "EFNNClassifier", "efNN"),
        _deep("lfnn", "LFNNClassifier", "lfNN"),
        _deep("efcnn", "EFCNNClassifier", "efCNN"),
        _deep("lfcnn", "LFCNNClassifier", "lfCNN"),
        _deep("mogcn", "MoGCNClassifier", "moGCN"),
        _deep("mogat", "MoGATClassifier", "moGAT"),
        Contender(
            "logreg", _make_logistic, "logistic regression", is_named_input=False
        ),
    ]
}


def as_contenders(contenders):
    """Return a list of contenders with different names.

    Parameters
    ----------
    contenders : str, Contender, list of str and Contender, or dict of str to \
            classifier
        Names in `CONTENDERS`, contenders, or classifiers by name, whose
        `random_state` is set for each fit.

    Returns
    -------
    contenders : list of Contender
        The contenders.
    """
    if isinstance(contenders, Mapping):
        contenders = [
            Contender(name, _Cloned(model)) for name, model in contenders.items()
        ]
    elif isinstance(contenders, Contender | str):
        contenders = [contenders]
    contenders = [_as_contender(contender) for contender in contenders]
    names = [contender.name for contender in contenders]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"Got {len(names)} contenders with the names {names}. At least one is "
            "needed, and names must differ."
        )
    return contenders


def _as_contender(contender):
    if isinstance(contender, Contender):
        return contender
    if contender not in CONTENDERS:
        raise ValueError(
            f"Got the contender {contender!r}, but known are {sorted(CONTENDERS)}. "
            "Choose from these, or give a dict of name to classifier."
        )
    return CONTENDERS[contender]


@dataclass(frozen=True)
class _Cloned:
    """Makes copies of a classifier with another random state."""

    model: object

    def __call__(self, random_state):
        model = clone(self.model)
        seeds = {
            name: random_state
            for name in model.get_params()
            if name == "random_state" or name.endswith("__random_state")
        }
        return model.set_params(**seeds)


def with_params(contender, **params):
    """Return the contender with further parameters for its classifier."""
    return replace(contender, params={**contender.params, **params})
