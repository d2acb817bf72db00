"""Measure calls that can be left open on real sets, for calls.md.

Run ``python docs/calls_study.py DATA`` with the folder of the sets (see
``SKOMICS_DATA`` in contributing.md). Rows are stored in ``results/selective.parquet``,
one for each set, outer fold, way of choosing a threshold and share of samples asked
for; the tables of the page are made from them.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import BlockRidgeClassifier, OmicsConcatenator
from skomics.calibration import SelectiveClassifier
from skomics.io import load_folder

DOCS = Path(__file__).parent
STORED = DOCS / "results" / "selective.parquet"
SETS = (
    "tcga_luad tcga_stad tcga_sarc tcga_brca tcga_gbm_mirna_cnv blca_cfc "
    "brca_mixomics_train gbm_stategra acc_miniacc scgem mogonet_rosmap nutrimouse"
).split()
COVERAGES = (0.9, 0.8, 0.7, 0.5)
WAYS = {
    "inner folds": "inner folds",
    "training": "training samples",
    "plain": "probability itself",
    "oracle": "same coverage",
}
_HEAD = ["set", "asked", *(f"{way}: coverage / risk" for way in WAYS.values()), "all"]


def run(folder):
    """Return the rows of the study."""
    return pd.concat([study(Path(folder) / name) for name in SETS], ignore_index=True)


def study(path):
    """Return the rows of one set."""
    X, y = load_folder(path)[:2]
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
    rows, pooled = [], []
    for fold, (train, test) in enumerate(folds.split(X, y)):
        model = SelectiveClassifier(make_model()).fit(X.iloc[train], y.iloc[train])
        proba = model.predict_proba(X.iloc[test])
        is_right = model.classes_[proba.argmax(axis=1)] == y.iloc[test].to_numpy()
        confidence = proba.max(axis=1)
        pooled.append(pd.DataFrame({"confidence": confidence, "is_right": is_right}))
        own = model.predict_proba(X.iloc[train]).max(axis=1)
        for asked in COVERAGES:
            for way, threshold in thresholds(model, own, asked).items():
                counts = count(confidence >= threshold, is_right)
                rows.append({"fold": fold, "way": way, "asked": asked, **counts})
    rows = pd.DataFrame(rows)
    rows = [rows, *(at_one_threshold(rows, pd.concat(pooled), a) for a in COVERAGES)]
    return pd.concat(rows, ignore_index=True).assign(set=path.name)


def count(called, is_right):
    """Return numbers of samples and of errors."""
    return {
        "n_samples": len(called),
        "n_called": int(called.sum()),
        "n_errors": int((called & ~is_right).sum()),
        "n_errors_all": int((~is_right).sum()),
    }


def at_one_threshold(rows, pooled, asked):
    """Return the row of one threshold for all folds that calls as many samples.

    The threshold is read off the test samples, which nobody can do in earnest.
    """
    chosen = rows[(rows["way"] == "inner folds") & (rows["asked"] == asked)]
    pooled = pooled.sort_values("confidence", ascending=False, kind="stable")
    called = np.arange(len(pooled)) < chosen["n_called"].sum()
    counts = count(called, pooled["is_right"].to_numpy())
    return pd.DataFrame([{"fold": -1, "way": "oracle", "asked": asked, **counts}])


def make_model():
    """Return the classifier of the study."""
    scaled = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(OmicsConcatenator(scaled), BlockRidgeClassifier())


def thresholds(model, own, asked):
    """Return the threshold of each way to call a share of the samples."""
    curve = model.risk_coverage_
    return {
        "inner folds": curve["threshold"][curve["coverage"] >= asked - 1e-9].iloc[0],
        "training": np.quantile(own, 1 - asked),
        "plain": asked,
    }


def make_table(rows):
    """Return the rows as a table in Markdown, one line for each set and share."""
    sums = rows.groupby(["set", "asked", "way"], sort=False)[
        ["n_samples", "n_called", "n_errors", "n_errors_all"]
    ].sum()
    lines = [_HEAD, ["---"] * len(_HEAD)]
    for (name, asked), part in sums.groupby(level=[0, 1], sort=False):
        part = part.droplevel([0, 1])
        cells = [
            f"{n.n_called / n.n_samples:.2f} / {n.n_errors / max(n.n_called, 1):.3f}"
            for n in (part.loc[way] for way in WAYS)
        ]
        whole = part.iloc[0]
        lines.append(
            [
                f"`{name}`",
                f"{asked}",
                *cells,
                f"{whole.n_errors_all / whole.n_samples:.3f}",
            ]
        )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    run(sys.argv[1]).to_parquet(STORED)
    print(make_table(pd.read_parquet(STORED)))
