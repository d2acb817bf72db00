"""Is it worth doing without a modality, in place of imputing it?

Of every (sample, omics) pair, a share is removed in training and test samples alike.
The same SMA is then trained with the omics masked, with their means imputed, and on
the complete patients only. ``python -m tests.speed.missing_omics FOLDER ...``
prints mean macro F1 over 5 x 5 folds, and the time, per data set. With ``--train`` and
``--test``, two folders, it trains on the complete patients of one cohort and predicts
another that lacks a modality altogether.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import OmicsConcatenator, SMAClassifier
from skomics.datasets import make_intersim, perturb_omics
from skomics.exceptions import MissingOmicsWarning
from skomics.io import load_folder

SCALE = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())


def masked(seed, **params):
    omics = OmicsConcatenator(SCALE)
    return make_pipeline(omics, SMAClassifier(random_state=seed, **params))


def imputed(seed):
    scale = make_pipeline(SimpleImputer(strategy="mean"), StandardScaler())
    omics = OmicsConcatenator(scale, missing_omics="transform")
    return make_pipeline(omics, SMAClassifier(random_state=seed))


def logistic(seed):
    classifier = LogisticRegression(C=0.01, max_iter=2000, random_state=seed)
    return make_pipeline(OmicsConcatenator(SCALE), classifier)


def is_complete(X):
    blocks = X.columns.get_level_values(0).unique()
    return np.logical_and.reduce([X[b].notna().any(axis=1) for b in blocks])


def fit_ways(X, y, seed):
    """Yield the name of each way, and a model fitted that way."""
    yield "masked", masked(seed).fit(X, y)
    yield "masked, modality_dropout=0", masked(seed, modality_dropout=0.0).fit(X, y)
    yield "means imputed", imputed(seed).fit(X, y)
    complete = is_complete(X)
    yield "incomplete patients dropped", imputed(seed).fit(X[complete], y[complete])


def compare(name, X, y, *, share, n_repeats, n_folds=5):
    rows = []
    for repeat in range(n_repeats):
        partial, _ = perturb_omics(X, y, missing_omics=share, random_state=repeat)
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=repeat)
        for train, test in folds.split(X, y):
            start = time.perf_counter()
            for way, model in fit_ways(partial.iloc[train], y[train], repeat):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    guess = model.predict(partial.iloc[test])
                score = f1_score(
                    y[test],
                    guess,
                    average="macro",
                    labels=np.unique(y),
                    zero_division=0,
                )
                seconds = time.perf_counter() - start
                rows.append({"data": name, "way": way, "f1": score, "s": seconds})
                start = time.perf_counter()
        print(name, "repeat", repeat, file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def transfer(X, y, X_new, y_new, *, n_seeds):
    """Return balanced error rates on a cohort that lacks a modality."""
    known = set(X_new.columns.get_level_values(0))
    present = [name for name in X if name[0] in known]
    ways = {
        "SMA": (masked, {}, list(X)),
        "SMA, modality_dropout=0.2": (masked, {"modality_dropout": 0.2}, list(X)),
        "SMA on the omics present": (masked, {}, present),
        "logistic regression on the omics present": (logistic, {}, present),
    }
    rows = {}
    for name, (make, params, columns) in ways.items():
        errors = []
        for seed in range(n_seeds):
            model = make(seed, **params).fit(X[columns], y)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", MissingOmicsWarning)
                guess = model.predict(X_new)
            errors.append(1 - balanced_accuracy_score(y_new, guess))
        rows[name] = {"mean": np.mean(errors), "std": np.std(errors, ddof=1)}
    return pd.DataFrame(rows).T


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--test", type=Path)
    args = parser.parse_args()
    if args.train:
        (X, y), (X_new, y_new) = load_folder(args.train), load_folder(args.test)
        table = transfer(X, y, X_new, y_new, n_seeds=args.repeats)
        print(table.round(3).to_string())
        return
    X, y = make_intersim(n_samples=200, n_clusters=5, effect=0.3, random_state=0)
    sets = {"make_intersim": (X, np.asarray(y))}
    for folder in args.folders:
        X, y = load_folder(folder)
        sets[folder.name] = X, y.to_numpy()
    for name, (X, y) in sets.items():
        found = compare(name, X, y, share=args.share, n_repeats=args.repeats)
        table = found.groupby(["data", "way"], sort=False)[["f1", "s"]]
        print(table.agg(["mean", "std"]).round(3).to_string(), flush=True)


if __name__ == "__main__":
    main()
