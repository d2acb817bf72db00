"""Measure calls on other cohorts, for cohorts.md.

Run ``python docs/studies/cohort_study.py DATA`` with the folder of the sets (see
``SKOMICS_DATA`` in contributing.md); without it, the tables of the page are made anew
from the stored rows: in ``cohorts.parquet`` one for each set, cohort, model and way to
treat it, in ``cohort_shifts.parquet`` one for each cohort and modality that was tested.
"""

import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import BlockRidgeClassifier, OmicsConcatenator, SMAClassifier
from skomics.datasets import perturb_omics
from skomics.inspection import cohort_shift
from skomics.io import load_folder
from skomics.preprocessing import (
    CohortScaler,
    ReferenceQuantileNormalizer,
    SampleRankTransformer,
    adapt_to_cohort,
)

DOCS = Path(__file__).parents[1]
STORED = Path(__file__).with_name("cohorts.parquet")
SHIFTS = Path(__file__).with_name("cohort_shifts.parquet")
PAGE = DOCS / "cohorts.md"
SETS = (
    "tcga_luad tcga_stad tcga_sarc tcga_brca tcga_gbm_mirna_cnv tcga_kipan blca_cfc "
    "brca_mixomics_train gbm_stategra acc_miniacc snareseq_celllines scgem scmt_mesc "
    "mogonet_rosmap nci60 nutrimouse"
).split()
# SMA takes longer.
SMA_SETS = ["tcga_luad", "brca_mixomics_train", "scgem"]
N_SEEDS, N_SPLITS = 3, 100
SHIFT = 1.0
WAYS = {
    "nothing": [],
    "SampleRankTransformer": [SampleRankTransformer()],
    "ReferenceQuantileNormalizer": [ReferenceQuantileNormalizer()],
    "… per feature, adapted": [ReferenceQuantileNormalizer("feature")],
    "CohortScaler, adapted": [CohortScaler()],
}
JOINT = "joint ComBat"
CLEAN, CHANGED = "as it is", "shifted"
REAL = {
    CLEAN: lambda X: X,
    "× 3 + 7": lambda X: X * 3 + 7,
    "ln for log2": lambda X: X * np.log(2),
}
_MARKED = re.compile(r"(?P<mark><!-- (?P<table>\w+) -->\n\n)(?:\|.*\n)*\n?")


# The study


def run(folder):
    """Measure all, and store the rows."""
    # Modalities that a whole cohort lacks are warned of, as are classes of two.
    warnings.simplefilter("ignore")
    folder = Path(folder)
    train, new = (load_folder(folder / f"brca_mixomics_{p}")[:2] for p in PARTS)
    rows = list(score_real(train, new))
    for name in SETS:
        X, y = load_folder(folder / name)[:2]
        for seed in range(N_SEEDS):
            rows += score_simulated(name, X, y, seed, "block ridge")
        if name in SMA_SETS:
            rows += score_simulated(name, X, y, 0, "SMA")
        print(name, file=sys.stderr)
    pd.DataFrame(rows).to_parquet(STORED)
    pd.DataFrame(test_shifts(train, new)).to_parquet(SHIFTS)


PARTS = ("train", "test")


def make_model(way, kind="block ridge"):
    """Return the pipeline of a way to treat another cohort."""
    steps = make_pipeline(*WAYS[way], SimpleImputer(), StandardScaler())
    is_sma = kind == "SMA"
    model = SMAClassifier(random_state=0) if is_sma else BlockRidgeClassifier()
    return make_pipeline(OmicsConcatenator(steps), model)


def count_right(model, X, y):
    """Return how many calls are right, after the model has seen the cohort."""
    steps = next(iter(model[0].transformers_.values()))
    if hasattr(steps[0], "adapt"):
        model = adapt_to_cohort(model, X)
    return int((model.predict(X) == np.asarray(y)).sum())


def score_real(train, new):
    """Yield the rows of one study's two cohorts, with the second in other units."""
    for kind in ("block ridge", "SMA"):
        for way in WAYS:
            model = make_model(way, kind).fit(*train)
            for cohort, change in REAL.items():
                n_right = count_right(model, change(new[0]), new[1])
                yield {
                    "set": "brca_mixomics",
                    "cohort": cohort,
                    "seed": 0,
                    "model": kind,
                    "way": way,
                    "n_right": n_right,
                    "n_test": len(new[1]),
                }


def score_simulated(name, X, y, seed, kind):
    """Return the rows of one split into two cohorts, one of which is shifted."""
    made = perturb_omics(X, y, batch_shift=SHIFT, random_state=seed, return_X_y=False)
    is_new = (made.batch == "cohort_2").to_numpy()
    # Of classes of two samples, both may be in the new cohort.
    is_known = y.isin(y[~is_new]).to_numpy() & is_new
    shifted = made.data
    about = {"set": name, "seed": seed, "model": kind, "n_test": int(is_known.sum())}
    rows = []
    for way in WAYS:
        model = make_model(way, kind).fit(X[~is_new], y[~is_new])
        for cohort, table in ((CLEAN, X), (CHANGED, shifted)):
            n_right = count_right(model, table[is_known], y[is_known])
            rows.append(about | {"cohort": cohort, "way": way, "n_right": n_right})
    joint = combat(shifted, is_new)
    model = make_model("nothing", kind).fit(joint[~is_new], y[~is_new])
    n_right = count_right(model, joint[is_known], y[is_known])
    rows.append(about | {"cohort": CHANGED, "way": JOINT, "n_right": n_right})
    return rows


def test_shifts(train, new):
    """Yield the rows of tests of two cohorts: changed, and split at random."""
    model = make_model("nothing").fit(*train)
    for cohort, change in REAL.items():
        found = cohort_shift(
            model, change(new[0]), X_train=train[0], novelty=False, random_state=0
        )
        yield from _shift_rows(cohort, 0, found)
    X, y = train
    rng = np.random.default_rng(0)
    for seed in range(N_SPLITS):
        is_new = rng.permutation(len(y)) < len(y) // 3
        found = cohort_shift(
            model, X[is_new], X_train=X[~is_new], novelty=False, random_state=seed
        )
        yield from _shift_rows("split at random", seed, found)


def _shift_rows(cohort, seed, shift):
    table = shift.table.dropna(subset="auc").reset_index()
    for row in table[["modality", "auc", "low", "high", "p_value"]].to_dict("records"):
        yield {"cohort": cohort, "seed": seed, "is_shifted": shift.is_shifted, **row}


def combat(X, is_new):
    """Adjust two cohorts jointly, by ComBat without covariates.

    W. E. Johnson, C. Li and A. Rabinovic, Biostatistics 8(1), 2007: each modality by
    itself, with the iterations of the paper, towards the mean of both cohorts.
    """
    adjusted = {
        name: _combat_one(X[name].to_numpy(dtype=float), is_new)
        for name in X.columns.levels[0]
    }
    frames = {
        name: pd.DataFrame(values, X.index, X[name].columns)
        for name, values in adjusted.items()
    }
    return pd.concat(frames, axis=1, names=X.columns.names)


def _combat_one(values, is_new):
    batches = [~is_new, is_new]
    means = np.stack([np.nanmean(values[batch], axis=0) for batch in batches])
    grand = (means * [[batch.mean()] for batch in batches]).sum(axis=0)
    residuals = values - np.where(is_new[:, None], means[1], means[0])
    pooled = np.sqrt(np.nanmean(residuals**2, axis=0))
    is_used = np.isfinite(pooled) & (pooled > 1e-9)
    z = (values[:, is_used] - grand[is_used]) / pooled[is_used]
    for batch in batches:
        gamma, delta2 = _posterior(z[batch])
        z[batch] = (z[batch] - gamma) / np.sqrt(delta2)
    adjusted = values.copy()
    adjusted[:, is_used] = z * pooled[is_used] + grand[is_used]
    return adjusted


def _posterior(z):
    """Return the shrunken mean and variance of each feature of a cohort."""
    n = (~np.isnan(z)).sum(axis=0)
    gamma_hat, delta2_hat = np.nanmean(z, axis=0), np.nanvar(z, axis=0, ddof=1)
    common, tau2 = gamma_hat.mean(), gamma_hat.var(ddof=1)
    mean, spread = delta2_hat.mean(), delta2_hat.var(ddof=1)
    shape, rate = mean**2 / spread + 2, mean * (mean**2 / spread + 1)
    gamma, delta2 = gamma_hat, np.maximum(delta2_hat, 1e-9)
    for _ in range(100):
        before = gamma, delta2
        gamma = (n * tau2 * gamma_hat + delta2 * common) / (n * tau2 + delta2)
        squares = np.nansum((z - gamma) ** 2, axis=0)
        delta2 = (rate + squares / 2) / (n / 2 + shape - 1)
        if max(map(_change, before, (gamma, delta2))) < 1e-4:
            break
    return gamma, delta2


def _change(old, new):
    return np.max(np.abs(new - old) / np.maximum(np.abs(old), 1e-9))


# The page


def make_real(rows):
    """Return the accuracy on the second cohort of the study, in each unit."""
    rows = rows[rows["set"] == "brca_mixomics"]
    lines = [["model", "way", *REAL]]
    for (model, way), part in rows.groupby(["model", "way"], sort=False):
        shares = part.set_index("cohort").eval("n_right / n_test")
        lines.append([model, _code(way), *(f"{shares[c]:.3f}" for c in REAL)])
    return _format(lines)


def make_sets(rows):
    """Return the accuracy on the shifted cohort of each set."""
    rows = rows[(rows["set"] != "brca_mixomics") & (rows["model"] == "block ridge")]
    lines = [["set", "no shift", *map(_code, [*WAYS, JOINT])]]
    for name, part in rows.groupby("set", sort=False):
        lines.append([f"`{name}`", *_accuracies(part)])
    means = rows.groupby("set", sort=False).apply(_shares, include_groups=False)
    lines.append(["**mean**", *(f"**{mean:.3f}**" for mean in means.mean())])
    return _format(lines)


def make_sma(rows):
    """Return the same of SMA, on a few sets."""
    rows = rows[(rows["set"] != "brca_mixomics") & (rows["model"] == "SMA")]
    lines = [["set", "no shift", *map(_code, [*WAYS, JOINT])]]
    for name, part in rows.groupby("set", sort=False):
        lines.append([f"`{name}`", *_accuracies(part)])
    return _format(lines)


def make_cost(rows):
    """Return what each way costs where there is no shift, over the sets."""
    rows = rows[(rows["set"] != "brca_mixomics") & (rows["model"] == "block ridge")]
    clean = rows[rows["cohort"] == CLEAN]
    sums = clean.groupby(["way", "set"], sort=False)[["n_right", "n_test"]].sum()
    shares = sums["n_right"] / sums["n_test"]
    lines = [["way", "mean accuracy", "lowest difference", "highest difference"]]
    for way in WAYS:
        differences = shares[way] - shares["nothing"]
        cells = [shares[way].mean(), differences.min(), differences.max()]
        lines.append([_code(way), f"{cells[0]:.3f}", *(f"{c:+.3f}" for c in cells[1:])])
    return _format(lines)


def make_shifts(shifts):
    """Return what the test of a shift finds."""
    lines = [["new cohort", "cohorts", "found shifted", "AUC, lowest to highest"]]
    for cohort, part in shifts.groupby("cohort", sort=False):
        found = part.groupby("seed")["is_shifted"].first()
        span = f"{part['auc'].min():.2f} to {part['auc'].max():.2f}"
        lines.append([cohort, f"{len(found)}", f"{found.sum()}", span])
    return _format(lines)


def _shares(part):
    """Return accuracies: without the shift, and with it for each way."""
    sums = part.groupby(["cohort", "way"])[["n_right", "n_test"]].sum()
    shares = sums["n_right"] / sums["n_test"]
    keys = [(CLEAN, "nothing"), *((CHANGED, way) for way in [*WAYS, JOINT])]
    return pd.Series([shares[key] for key in keys])


def _accuracies(part):
    return [f"{share:.3f}" for share in _shares(part)]


def _code(way):
    name, *rest = way.split(",")
    return ",".join([f"`{name}`", *rest]) if name.endswith(("er", "r")) else way


def _format(lines):
    lines = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def fill(text):
    """Return the page with its tables made anew from the stored rows."""
    rows, shifts = pd.read_parquet(STORED), pd.read_parquet(SHIFTS)
    tables = {
        "real": make_real(rows),
        "shifts": make_shifts(shifts),
        "sets": make_sets(rows),
        "sma": make_sma(rows),
        "cost": make_cost(rows),
    }
    return _MARKED.sub(lambda m: f"{m['mark']}{tables[m['table']]}\n", text)


if __name__ == "__main__":
    if sys.argv[1:]:
        run(sys.argv[1])
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
