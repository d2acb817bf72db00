"""Compare what models rest on with the genes that DIABLO selects, on its own example.

``python docs/studies/diablo_panel.py`` fits SMA, block ridge and logistic regression to
`brca_mixomics_train` under `SKOMICS_DATA` and stores the features that add most to each
class in docs/studies/diablo_panel.parquet; ``--fill`` only makes the table of
docs/inspection.md from the stored rows.
"""

import argparse
import os
import re
from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import BlockRidgeClassifier, OmicsConcatenator, SMAClassifier
from skomics.inspection import feature_attributions
from skomics.io import load_folder

RESULTS = Path(__file__).with_name("diablo_panel.parquet")
PAGE = Path(__file__).parents[1] / "inspection.md"
N_TOP, N_GENES = 20, 200
# What mixOmics' case study of the set prints as the genes of the first component
# (mixomics.org/mixdiablo/diablo-tcga-case-study, the output of selectVar; read where a
# script that follows the page quotes it). Other blocks and components are drawn only.
PANEL = (
    "ZNF552 KDM4B CCNA2 LRIG1 PREX1 FUT8 C4orf34 TTC39A ASPM SLC43A3 MEX3A SEMA3C E2F1 "
    "STC2 FMNL2 LMO4 MED13L DTWD2 CSRP2 NTN4 KIF13B NCAPG2 SLC19A2 EPHB3 FAM63A"
).split()
_PLACE = re.compile(r"(?<=<!-- diablo -->\n).*?(?=<!-- end of diablo -->)", re.DOTALL)


def make_models():
    """Return the models by their names on the page."""
    logistic = LogisticRegression(class_weight="balanced", max_iter=5000)
    strengths = {"C": [0.001, 0.01, 0.1, 1.0]}
    return {
        "SMA": SMAClassifier(random_state=0),
        "block ridge": BlockRidgeClassifier(),
        "logistic regression": GridSearchCV(
            logistic, strengths, scoring="f1_macro", cv=5
        ),
    }


def measure(X, y):
    """Return the features of each modality that add most to each class."""
    parts = []
    for name, model in make_models().items():
        fitted = make_pipeline(OmicsConcatenator(StandardScaler()), model).fit(X, y)
        table = feature_attributions(fitted, X)
        table["rank"] = table.groupby("class").cumcount() + 1
        of_block = table.groupby(["class", "modality"]).cumcount() + 1
        kept = table[(table["rank"] <= N_TOP) | (of_block <= N_TOP)]
        parts.append(kept.assign(model=name, rank_in_modality=of_block))
    return pd.concat(parts, ignore_index=True)


def summarize(rows):
    """Yield the row of each model and class, and of each model for any class."""
    genes = rows[rows["modality"] == "mrna"]
    for model, of_model in genes.groupby("model", sort=False):
        for label, part in of_model.groupby("class", sort=True):
            yield model, label, *_overlap(part)
        yield model, "any", *_overlap(of_model)


def _overlap(genes):
    """Return numbers of genes, shared with the panel and expected to be, twice.

    Once of those among the features, once of those among the genes that add most.
    """
    share = len(PANEL) / N_GENES
    for rank in ("rank", "rank_in_modality"):
        top = set(genes.loc[genes[rank] <= N_TOP, "feature"])
        yield from (len(top), len(top & set(PANEL)), share * len(top))


def fill(page):
    """Return the page with the table of the stored rows."""
    lines = [
        f"| model | class | genes in top {N_TOP} | in DIABLO's panel | by chance | "
        f"top {N_TOP} genes | in DIABLO's panel | by chance |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in summarize(pd.read_parquet(RESULTS)):
        cells = [f"{cell:.1f}" if isinstance(cell, float) else cell for cell in row]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return _PLACE.sub("\n" + "\n".join(lines) + "\n\n", page)


def main():
    """Measure unless told otherwise, and fill the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fill", action="store_true")
    if not parser.parse_args().fill:
        X, y = load_folder(Path(os.environ["SKOMICS_DATA"]) / "brca_mixomics_train")
        measure(X, y).to_parquet(RESULTS, index=False)
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
