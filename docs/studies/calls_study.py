"""Measure calls that can be left open on real sets, for calls.md.

Run ``python docs/studies/calls_study.py DATA`` with the folder of the sets (see
``SKOMICS_DATA`` in contributing.md); without it, the tables of the page are made anew
from the stored rows in ``selective.parquet``, one for each set, outer fold, way
of choosing a threshold and share of samples asked for.
"""

import re
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

DOCS = Path(__file__).parents[1]
STORED = Path(__file__).with_name("selective.parquet")
SETS = (
    "tcga_luad tcga_stad tcga_sarc tcga_brca tcga_gbm_mirna_cnv blca_cfc "
    "brca_mixomics_train gbm_stategra acc_miniacc scgem mogonet_rosmap nutrimouse"
).split()
COVERAGES = (0.9, 0.8, 0.7, 0.5)
COUNTS = ["n_samples", "n_called", "n_errors", "n_errors_all"]
WAYS = {
    "inner folds": "inner folds",
    "training": "training samples",
    "plain": "probability itself",
    "oracle": "same coverage",
}
PAGE = DOCS / "calls.md"
_MARKED = re.compile(r"(?P<mark><!-- (?P<table>\w+) -->\n\n)(?:\|.*\n)*\n?")


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


def make_calls(rows, asked=0.8):
    """Return coverage and risk of each set where a share is asked for."""
    lines = [["set", *WAYS.values(), "risk of all"]]
    for name, part in _sum(rows[rows["asked"] == asked], ["set", "way"]):
        cells = [
            f"{n.n_called / n.n_samples:.2f}, {n.n_errors / max(n.n_called, 1):.3f}"
            for n in (part.loc[way] for way in WAYS)
        ]
        whole = part.iloc[0]
        risk = whole["n_errors_all"] / whole["n_samples"]
        lines.append([f"`{name}`", *cells, f"{risk:.3f}"])
    return _format(lines)


def make_misses(rows):
    """Return how far coverage is from what is asked for, over the sets."""
    ways = [way for way in WAYS if way != "oracle"]
    lines = [["asked", *(WAYS[way] for way in ways)]]
    for asked, part in _sum(rows, ["asked", "way", "set"]):
        coverage = part["n_called"] / part["n_samples"]
        cells = [
            f"{coverage[way].min():.2f} to {coverage[way].max():.2f}" for way in ways
        ]
        lines.append([f"{asked}", *cells])
    return _format(lines)


def _sum(rows, keys):
    """Yield the sums of counts for each value of the first key."""
    sums = rows.groupby(keys, sort=False)[COUNTS].sum()
    for value, part in sums.groupby(level=0, sort=False):
        yield value, part.droplevel(0)


def _format(lines):
    lines = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def fill(text):
    """Return the page with its tables made anew from the stored rows."""
    rows = pd.read_parquet(STORED)
    tables = {
        "calls": make_calls(rows),
        "misses": make_misses(rows),
    }
    return _MARKED.sub(lambda m: f"{m['mark']}{tables[m['table']]}\n", text)


if __name__ == "__main__":
    if sys.argv[1:]:
        run(sys.argv[1]).to_parquet(STORED)
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
