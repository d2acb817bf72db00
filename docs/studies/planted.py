"""Measure how many planted features attributions find, and what attention says.

``python docs/studies/planted.py`` makes docs/studies/planted.parquet: for 20 simulated
cohorts of two kinds the precision at the true number of features, by the attributions
of SMA and of the balanced logistic regression, and how far attention follows them.
Draws that are stored are not made again.
"""

import argparse
import re
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import BlockRidgeClassifier, OmicsConcatenator, SMAClassifier
from skomics.datasets import make_intersim, make_multiomics
from skomics.inspection import feature_attributions

RESULTS = Path(__file__).with_name("planted.parquet")
PAGE = Path(__file__).parents[1] / "inspection.md"
N_DRAWS = 20
_PLACE = re.compile(r"(?<=<!-- planted -->\n).*?(?=<!-- end of planted -->)", re.DOTALL)
_ROWS = {
    "n_true": "features that differ",
    "n_features": "of",
    "sma": "precision: SMA's attributions",
    "logistic": "precision: logistic regression, balanced",
    "ridge": "precision: block ridge",
    "entropy": "entropy of attention, 1 for equal shares",
    "rank_correlation": "attention with attributions",
    "attention_and_truth": "attention with the number of true features",
    "attributions_and_truth": "attributions with the number of true features",
}


def intersim(seed):
    """Return a cohort of InterSIM's kind, and which features differ."""
    cohort = make_intersim(
        n_samples=200, effect=0.25, random_state=seed, return_X_y=False
    )
    truth = pd.concat({n: d.any() for n, d in cohort.differential.items()})
    return cohort.data, cohort.target, truth


def multiomics(seed):
    """Return a cohort with 50 informative features of 5,000, and which these are."""
    cohort = make_multiomics(
        n_samples=200,
        n_features={"rna": 3000, "methylation": 1500, "mirna": 500},
        n_informative={"rna": 30, "methylation": 15, "mirna": 5},
        n_redundant=0,
        effect=0.5,
        random_state=seed,
        return_X_y=False,
    )
    truth = pd.concat({n: r == "informative" for n, r in cohort.roles.items()})
    return cohort.data, cohort.target, truth


def precision(model, X, truth):
    """Return the share of true features among as many that add most to a class."""
    table = feature_attributions(model, X)
    sizes = table.groupby(["modality", "feature"])["value"].mean()
    order = sizes.sort_values(ascending=False, kind="stable").index[: truth.sum()]
    return truth.loc[pd.MultiIndex.from_tuples(order)].mean()


def attention(model, X, truth):
    """Return how uneven attention is, and how it agrees with attributions and truth.

    Attention is spread if its entropy is near 1, in units of that of equal weights.
    """
    network = model[-1]
    Z = model[0].transform(X)
    weights = network.attention(Z, average=("members", "encoders", "heads", "layers"))
    given = weights.groupby("sample", sort=False).mean()
    entropy = -(given * np.log(given)).sum(axis=1).mean() / np.log(given.shape[1])
    added = feature_attributions(network, Z, per_sample=True).abs()
    added = added.T.groupby(network.tokens_).sum().T.groupby("sample").sum()
    names = list(network.token_names_)
    told = pd.Series(truth.to_numpy(), truth.index).loc[list(added_columns(network))]
    told = told.groupby(network.tokens_).sum()[names]
    mean_given, mean_added = given[names].mean(), added[names].mean()
    return {
        "entropy": entropy,
        "rank_correlation": mean_given.corr(mean_added, method="spearman"),
        "attention_and_truth": mean_given.corr(told, method="spearman"),
        "attributions_and_truth": mean_added.corr(told, method="spearman"),
    }


def added_columns(network):
    """Return modality and feature of each column of the classifier's input."""
    return [tuple(name.split("__", 1)) for name in network.feature_names_in_]


def measure(kind, draw, seed):
    """Return the row of one cohort."""
    X, y, truth = draw(seed)
    scaled = OmicsConcatenator(StandardScaler())
    sma = make_pipeline(scaled, SMAClassifier(random_state=seed)).fit(X, y)
    given = make_pipeline(
        scaled, SMAClassifier(n_tokens=16, token_order="given", random_state=seed)
    ).fit(X, y)
    logistic = LogisticRegression(class_weight="balanced", max_iter=5000)
    strengths = {"C": [0.001, 0.01, 0.1, 1.0]}
    logistic = GridSearchCV(logistic, strengths, scoring="f1_macro", cv=5)
    logistic = make_pipeline(scaled, logistic).fit(X, y)
    ridge = make_pipeline(scaled, BlockRidgeClassifier()).fit(X, y)
    return {
        "kind": kind,
        "seed": seed,
        "n_true": int(truth.sum()),
        "n_features": len(truth),
        "sma": precision(sma, X, truth),
        "logistic": precision(logistic, X, truth),
        "ridge": precision(ridge, X, truth),
        **attention(given, X[::4], truth),
    }


def fill(page):
    """Return the page with the table of the stored rows."""
    rows = pd.read_parquet(RESULTS)
    means = rows.groupby("kind", sort=True).mean(numeric_only=True)
    errors = rows.groupby("kind", sort=True).sem(numeric_only=True)
    lines = [
        f"| {rows['seed'].nunique()} draws | `make_intersim` | `make_multiomics` |",
        "|---|---|---|",
    ]
    for name, label in _ROWS.items():
        cells = [
            f"{means.loc[kind, name]:.0f}"
            if name.startswith("n_")
            else f"{means.loc[kind, name]:.3f} ± {errors.loc[kind, name]:.3f}"
            for kind in ("intersim", "multiomics")
        ]
        lines.append(f"| {label} | {cells[0]} | {cells[1]} |")
    return _PLACE.sub("\n" + "\n".join(lines) + "\n\n", page)


def main():
    """Measure what is not stored yet, and fill the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=N_DRAWS)
    n_draws = parser.parse_args().draws
    rows = pd.read_parquet(RESULTS) if RESULTS.exists() else pd.DataFrame()
    done = set(zip(rows.get("kind", ()), rows.get("seed", ()), strict=True))
    for seed in range(n_draws):
        for kind, draw in {"intersim": intersim, "multiomics": multiomics}.items():
            if (kind, seed) not in done:
                row = pd.DataFrame([measure(kind, draw, seed)])
                rows = pd.concat([rows, row], ignore_index=True)
                rows.to_parquet(RESULTS)
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
