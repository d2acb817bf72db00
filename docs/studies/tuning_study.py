"""Measure what the small grids of `param_distributions` gain, for tuning.md.

Run ``python docs/studies/tuning_study.py DATA`` with the folder of the sets (see
``SKOMICS_DATA`` in contributing.md); without it, the tables of the page are made anew
from the stored rows in ``tuning.parquet``, one for each set, model and outer fold. The
searches see the training part of the fold only; nothing is chosen by its test part.
Rows of the set "shuffled" are of labels that were permuted: there is nothing to find.
"""

import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skomics import (
    BlockRidgeClassifier,
    EFNNClassifier,
    OmicsConcatenator,
    SMAClassifier,
)
from skomics.datasets import make_intersim
from skomics.io import load_folder
from skomics.metrics import corrected_t_test
from skomics.model_selection import nested_cross_validate

DOCS = Path(__file__).parents[1]
STORED = Path(__file__).with_name("tuning.parquet")
PAGE = DOCS / "tuning.md"
SETS = ("acc_miniacc", "tcga_luad", "scgem")
MODELS = {
    "logistic regression": LogisticRegression(max_iter=2000),
    "linear SVM": LinearSVC(max_iter=5000, random_state=0),
    "random forest": RandomForestClassifier(random_state=0),
    "block ridge": BlockRidgeClassifier(),
    "efNN": EFNNClassifier(random_state=0),
    "SMA": SMAClassifier(random_state=0),
}
SHUFFLED = "shuffled"
N_DRAWS = 10
_MARKED = re.compile(r"(?P<mark><!-- (?P<table>\w+) -->\n\n)(?:\|.*\n)*\n?")


def make_model(classifier):
    """Return imputation and scaling for each modality, then the classifier."""
    steps = SimpleImputer(keep_empty_features=True, strategy="median"), StandardScaler()
    omics = OmicsConcatenator(make_pipeline(*steps))
    if not type(classifier).__module__.startswith("skomics"):
        omics.set_params(missing_omics="transform")
    return make_pipeline(omics, classifier)


def measure(path, name):
    """Return the rows of a model on a set: each outer fold, tuned and as it is."""
    X, y = load_folder(path)[:2]
    model = make_model(MODELS[name])
    result = nested_cross_validate(
        model, X, y, inner_cv=3, scoring="f1_macro", random_state=0
    )
    rows = []
    indices = result.cv_results["indices"]
    for fold, (train, test) in enumerate(
        zip(indices["train"], indices["test"], strict=True)
    ):
        start = time.perf_counter()
        plain = clone(model).fit(X.iloc[train], y.iloc[train])
        seconds = time.perf_counter() - start
        choice = result.best_params.loc[fold].to_dict()
        rows.append(
            {
                "set": path.name,
                "model": name,
                "fold": fold,
                "n_train": len(train),
                "n_test": len(test),
                "default": f1_score(
                    y.iloc[test], plain.predict(X.iloc[test]), average="macro"
                ),
                "tuned": result.scores.loc[fold, "score"],
                "inner": result.inner_scores.loc[fold, "score"],
                "fit_seconds": seconds,
                "search_seconds": result.cv_results["fit_time"][fold],
                "choice": json.dumps({k.split("__")[-1]: v for k, v in choice.items()}),
            }
        )
    return pd.DataFrame(rows)


def measure_shuffled(seed):
    """Return the row of a search over 40 candidates where there is nothing to find."""
    X, y = make_intersim(n_samples=60, n_clusters=3, random_state=seed)
    y = np.random.default_rng(seed).permutation(y)
    model = make_pipeline(SelectKBest(), GaussianNB())
    grid = {
        "selectkbest__k": [1, 2, 5, 10, 20, 50, 100, "all"],
        "gaussiannb__var_smoothing": [1e-9, 1e-3, 1e-2, 0.1, 1.0],
    }
    result = nested_cross_validate(
        model, X.to_numpy(), y, param_grid=grid, random_state=seed
    )
    found = {
        "tuned": result.scores["score"].mean(),
        "inner": result.inner_scores["score"].mean(),
    }
    return pd.DataFrame([{"set": SHUFFLED, "model": f"draw {seed}", **found}])


def run(folder):
    """Store the rows of what is not stored yet."""
    rows = pd.read_parquet(STORED) if STORED.exists() else pd.DataFrame()
    for seed in range(N_DRAWS):
        if f"draw {seed}" not in set(rows.get("model", ())):
            rows = pd.concat([rows, measure_shuffled(seed)], ignore_index=True)
            rows.to_parquet(STORED)
    for name in MODELS:
        for data in SETS:
            done = zip(rows.get("model", ()), rows.get("set", ()), strict=True)
            if (name, data) not in set(done):
                found = measure(Path(folder) / data, name)
                rows = pd.concat([rows, found], ignore_index=True)
                rows.to_parquet(STORED)


def gains(rows):
    """Return the table of what tuning gains, in lines."""
    yield (
        "| model | default | tuned, outer folds | gain | 95 % | best inner score "
        "| inner less outer | time |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for name in MODELS:
        own = rows[rows["model"] == name]
        means = own.groupby("set")[["default", "tuned", "inner"]].mean().mean()
        # Folds of the sets side by side: the mean of sets of as many folds.
        ratio = np.mean(own["n_test"] / own["n_train"])
        tested = corrected_t_test(own["tuned"] - own["default"], ratio)
        times = own["search_seconds"].sum() / own["fit_seconds"].sum()
        yield (
            f"| {name} | {means['default']:.3f} | {means['tuned']:.3f} "
            f"| {tested['mean']:+.3f} | {tested['low']:+.3f} to {tested['high']:+.3f} "
            f"| {means['inner']:.3f} | {means['inner'] - means['tuned']:+.3f} "
            f"| {times:.0f} × |"
        )


def choices(rows):
    """Return the table of how often each candidate was chosen, in lines."""
    yield "| model | chosen in how many of the outer folds |"
    yield "|---|---|"
    for name in MODELS:
        own = rows.loc[rows["model"] == name, "choice"].value_counts(sort=False)
        own = own.sort_index().sort_values(ascending=False, kind="stable")
        told = (f"{n}: {_describe(json.loads(choice))}" for choice, n in own.items())
        yield f"| {name} | {'; '.join(told)} |"


def _describe(choice):
    return ", ".join(f"`{name}={value!r}`" for name, value in choice.items())


def shuffled(rows):
    """Return the table of what both scores say where there is nothing, in lines."""
    own = rows[rows["set"] == SHUFFLED]
    yield f"| accuracy, {len(own)} draws of labels | mean | smallest | largest |"
    yield "|---|---|---|---|"
    names = {"inner": "best score of the search", "tuned": "nested, outer folds"}
    for name, label in names.items():
        found = own[name]
        told = " | ".join(f"{v:.3f}" for v in (found.mean(), found.min(), found.max()))
        yield f"| {label} | {told} |"


_TABLES = {"gains": gains, "choices": choices, "shuffled": shuffled}


def fill(page):
    """Return the page with the tables of the stored rows."""
    rows = pd.read_parquet(STORED)

    def make(match):
        lines = _TABLES[match["table"]](rows)
        return match["mark"] + "\n".join(lines) + "\n\n"

    return _MARKED.sub(make, page)


def main():
    """Measure if a folder is given, and fill the page."""
    if len(sys.argv) > 1:
        run(sys.argv[1])
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
