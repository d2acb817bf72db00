"""Draw the pictures of docs/inspection.md, from the development data.

``python docs/studies/draw_inspection.py FOLDER`` reads the folder of a data set and
writes features.svg, embedding.svg, attention.svg and signature.png into docs/images.
"""

import sys
from pathlib import Path

import matplotlib as mpl
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import OmicsConcatenator, SMAClassifier
from skomics.io import load_folder
from skomics.plotting import (
    AttentionDisplay,
    EmbeddingDisplay,
    FeatureImportanceDisplay,
    SampleHeatmapDisplay,
)

IMAGES = Path(__file__).parents[1] / "images"


def main(folder, images=IMAGES):
    """Fit SMA to three quarters of a cohort, and draw."""
    mpl.use("Agg")
    # The same file each time: no date, and names of elements by their content.
    mpl.rcParams["svg.hashsalt"] = "skomics"
    X, y = load_folder(folder)
    parts = train_test_split(X, y, stratify=y, random_state=0)
    X_train, X_test, y_train, y_test = parts
    blocks = make_pipeline(SimpleImputer(), StandardScaler())
    model = make_pipeline(OmicsConcatenator(blocks), SMAClassifier(random_state=0))
    model.fit(X_train, y_train)
    displays = {
        "features": FeatureImportanceDisplay.from_estimator(model, X_test),
        "embedding": EmbeddingDisplay.from_estimator(
            model, X_train, y_train, X_new=X_test
        ),
        "attention": AttentionDisplay.from_estimator(model, X_test),
    }
    signature = SampleHeatmapDisplay.from_estimator(model, X_train, y_train)
    signature.figure_.savefig(images / "signature.png", dpi=150)
    for name, display in displays.items():
        display.figure_.savefig(images / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1])
