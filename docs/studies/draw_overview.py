"""Draw the figure of the README: ``python docs/studies/draw_overview.py``.

A cohort that is not easy, of which 150 samples are learned from and 100 are called.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from skomics.datasets import make_intersim
from skomics.inspection import modality_importance
from skomics.pipeline import make_omics_pipeline
from skomics.plotting import (
    ConfusionDisplay,
    ModalityImportanceDisplay,
    RiskCoverageDisplay,
)

PICTURE = Path(__file__).parents[1] / "images" / "overview.png"


def main():
    """Draw the figure."""
    X, y = make_intersim(n_samples=250, n_clusters=4, effect=0.1, random_state=0)
    train, test = slice(0, 150), slice(150, 250)
    model = make_omics_pipeline("sma", random_state=0).fit(X[train], y[train])
    figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
    ConfusionDisplay.from_predictions(y[test], model.predict(X[test]), ax=axes[0])
    RiskCoverageDisplay.from_estimator(model, X[test], y[test], ax=axes[1])
    result = modality_importance(model, X[test], y[test], random_state=0)
    ModalityImportanceDisplay(result).plot(ax=axes[2])
    titles = ("100 new patients", "how sure are the calls?", "which omics matter?")
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, fontsize=10)
    figure.savefig(PICTURE, dpi=130)


if __name__ == "__main__":
    main()
