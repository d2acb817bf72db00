"""Synthetic results that the tests of the report are about: nothing was measured."""

import json

import numpy as np
import pandas as pd

from skomics.benchmark._results import COLUMNS

EVIL = "<script>alert(1)</script> $x$ | _a_"
MODELS = {"lr": "logistic regression", "sma": "SMA", "efnn": "ef<b>NN $x$"}


def make_row(rng, task, model, fold, **changes):
    true = np.repeat([0, 1], [12, 8])
    level = {"lr": 0.8, "sma": 0.9, "efnn": 0.6}[model]
    is_known = rng.uniform(size=20) < level
    guessed = rng.permutation(true)
    predicted = guessed if task == "null" else np.where(is_known, true, guessed)
    confusion = np.zeros((2, 2), int)
    np.add.at(confusion, (true, predicted), 1)
    score = confusion.trace() / 20
    row = dict.fromkeys(COLUMNS, "")
    row |= {"task": task, "model": model, "label": MODELS[model], "repeat": 0}
    row |= {
        "protocol": "leakage_free",
        "omics": "all",
        "train_fraction": 1.0,
        "fold": fold,
    }
    row |= {"seed": 0, "random_state": 1, "n_folds": 5, "n_train": 80, "n_test": 20}
    row |= dict.fromkeys(["accuracy", "f1_macro", "f1_weighted", "roc_auc"], score)
    row |= {"log_loss": 0.5, "ece": 0.1, "fit_seconds": 2.0, "score_seconds": 0.1}
    row |= {"peak_memory_mb": 500.0, "n_features": 7, "status": "ok"}
    row |= {"confusion": json.dumps(confusion.tolist()), "data": "ab" * 32}
    row |= {
        "classes": json.dumps(["LumA", "<i>B"]),
        "versions": "python=3.13 skomics=1",
    }
    return row | changes


def make_results(tasks=("luad", EVIL, "null"), **changes):
    rng = np.random.default_rng(0)
    rows = [
        make_row(rng, task, model, fold, **changes)
        for task in tasks
        for fold in range(5)
        for model in MODELS
    ]
    return pd.DataFrame(rows)


def find(report, title):
    """Return the parts of a section."""
    return {section.title: section.parts for section in report.sections}.get(title)


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]
