"""Measure what turning modalities to the span of the samples does to accuracy.

``python docs/studies/turned.py`` makes docs/studies/turned.parquet: the macro F1 of
four networks on six real sets, trained on 60 patients as they are and turned, in pairs
of equal splits and seeds, and fills the table of docs/performance.md. The sets are
looked for in the folder named by SKOMICS_DATA.
"""

import os
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skomics
from skomics.estimators import _rotation
from skomics.io import load_folder

RESULTS = Path(__file__).with_name("turned.parquet")
PAGE = Path(__file__).parents[1] / "performance.md"
MODELS = ("EFNNClassifier", "LFNNClassifier", "MoGCNClassifier", "MoGATClassifier")
SETS = ("tcga_luad", "tcga_brca", "tcga_kipan", "blca_cfc", "gbm_stategra")
SETS = (*SETS, "brca_mixomics_train")
N_TRAIN, N_SPLITS = 60, 6
_PLACE = re.compile(r"(?<=<!-- turned -->\n).*?(?=<!-- end of turned -->)", re.DOTALL)


def score(model, split, is_turned):
    """Return the macro F1 of a network that is trained turned, or as it is."""
    _rotation._MANY, _rotation._MANY_TIMES = (0 if is_turned else np.inf), 2
    (X_train, y_train), (X_test, y_test) = split
    model.fit(X_train, y_train)
    return f1_score(y_test, model.predict(X_test), average="macro")


def splits_of(name):
    """Yield scaled training and test parts of a set."""
    X, y = load_folder(Path(os.environ["SKOMICS_DATA"]) / name)
    y = pd.Series(np.asarray(y))
    splits = StratifiedShuffleSplit(N_SPLITS, train_size=N_TRAIN, random_state=0)
    for train, test in splits.split(y, y):
        scaler = skomics.OmicsConcatenator(
            make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
        )
        learned = scaler.fit_transform(X.iloc[train]), y[train].to_numpy()
        yield learned, (scaler.transform(X.iloc[test]), y[test].to_numpy())


def measure():
    """Return one row for each set, split, network and way."""
    rows = []
    for name in SETS:
        for number, split in enumerate(splits_of(name)):
            for kind in MODELS:
                for is_turned in (False, True):
                    model = getattr(skomics, kind)(random_state=number, device="cpu")
                    row = {"set": name, "split": number, "model": kind}
                    f1 = score(model, split, is_turned)
                    rows.append({**row, "is_turned": is_turned, "f1_macro": f1})
    return pd.DataFrame(rows)


def fill(page):
    """Return the page with the table of the stored rows."""
    rows = pd.read_parquet(RESULTS)
    wide = rows.pivot(
        index=["model", "set", "split"], columns="is_turned", values="f1_macro"
    )
    lines = ["", "| model | as it is | turned | difference |", "|---|---|---|---|"]
    for model in MODELS:
        part = wide.loc[model]
        change = part[True] - part[False]
        error = change.std() / np.sqrt(len(change))
        lines.append(
            f"| `{model}` | {part[False].mean():.3f} | {part[True].mean():.3f} | "
            f"{change.mean():+.3f} ± {error:.3f} |".replace("-", "−")
        )
    return _PLACE.sub("\n".join([*lines, "", ""]), page)


if __name__ == "__main__":
    if not RESULTS.exists():
        warnings.simplefilter("ignore")
        measure().to_parquet(RESULTS, index=False)
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
