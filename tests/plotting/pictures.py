"""A picture of each display from invented numbers, and what is wrong with a picture."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline

from skomics import OmicsConcatenator, plotting
from skomics.metrics import reliability_curve, risk_coverage_curve

# Samples with names of 60 characters, which differ at both ends.
LONG = "{}_" + "glycolysis_gluconeogenesis_hallmark_of_proliferation_and_x" + "_{}"


def names(n, kind):
    """Return names of 60 characters or more."""
    return [LONG.format(f"{kind}{i}", i) for i in range(n)]


def calls(n_classes, seed=0):
    """Return classes, and probabilities that are right more often than not."""
    rng = np.random.default_rng(seed)
    labels = names(n_classes, "class")
    codes = np.arange(20 * n_classes) % n_classes
    logits = rng.normal(size=(len(codes), n_classes))
    logits[np.arange(len(codes)), codes] += 1.5
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.array(labels)[codes], proba, labels


def confusion(n_classes, n_modalities):
    y, proba, labels = calls(n_classes)
    called = np.array(labels)[proba.argmax(axis=1)]
    shuffled = np.random.default_rng(1).permutation(called)
    return plotting.ConfusionDisplay.from_predictions(y, [called, shuffled])


def reliability(n_classes, n_modalities, kind="confidence"):
    y, proba, labels = calls(n_classes)
    curve = reliability_curve(y, proba, labels=labels, kind=kind)
    return plotting.ReliabilityDisplay(curve).plot()


def reliability_by_class(n_classes, n_modalities):
    return reliability(n_classes, n_modalities, "class")


def risk(n_classes, n_modalities):
    y, proba, labels = calls(n_classes)
    curve = risk_coverage_curve(y, proba, labels=labels)
    return plotting.RiskCoverageDisplay(curve, threshold=0.4).plot()


def features(n_classes, n_modalities):
    rows = [
        (modality, feature, label, value, 1 if i % 2 else -1)
        for label in names(n_classes, "class")
        for modality in names(n_modalities, "omics")
        for i, (feature, value) in enumerate(
            zip(names(12, "gene"), np.linspace(2, 0.1, 12), strict=True)
        )
    ]
    columns = ["modality", "feature", "class", "value", "direction"]
    table = pd.DataFrame(rows, columns=columns).sort_values("value", ascending=False)
    return plotting.FeatureImportanceDisplay(table).plot()


def modalities(n_classes, n_modalities):
    groups = names(n_modalities, "omics")
    rng = np.random.default_rng(0)
    result = SimpleNamespace(
        table=pd.DataFrame(index=groups),
        groups=groups,
        importances=rng.normal(0.1, 0.03, size=(n_modalities, 10)),
    )
    return plotting.ModalityImportanceDisplay(result).plot()


def heatmap(n_classes, n_modalities):
    pairs = [(m, f) for m in names(n_modalities, "omics") for f in names(4, "gene")]
    labels = np.repeat(names(n_classes, "class"), 8)
    values = np.random.default_rng(0).normal(size=(len(labels), len(pairs)))
    columns = pd.MultiIndex.from_tuples(pairs, names=["modality", "feature"])
    table = pd.DataFrame(values, columns=columns)
    return plotting.SampleHeatmapDisplay(table, pd.Series(labels)).plot()


def embedding(n_classes, n_modalities):
    labels = np.repeat(names(n_classes, "class"), 8)
    points = pd.DataFrame({"label": labels, "is_new": False})
    points = pd.concat([points, points.assign(label=None, is_new=True)[:10]])
    rng = np.random.default_rng(0)
    points["x"], points["y"] = rng.normal(size=(2, len(points)))
    return plotting.EmbeddingDisplay(points, (0.3, 0.2)).plot()


def attention(n_classes, n_modalities):
    tokens = names(4 * n_modalities, "token")
    weights = np.random.default_rng(0).dirichlet(np.full(len(tokens), 50), len(tokens))
    return plotting.AttentionDisplay(
        pd.DataFrame(weights, index=tokens, columns=tokens)
    ).plot()


def training(n_classes, n_modalities):
    epochs = np.arange(1, 301)
    losses = {"train_loss": 2 / epochs, "valid_loss": 2 / epochs + epochs / 900}
    return plotting.TrainingCurveDisplay(
        pd.DataFrame({"epoch": epochs, **losses})
    ).plot()


def stability(n_classes, n_modalities):
    table = pd.DataFrame(
        {
            "modality": np.repeat(names(n_modalities, "omics"), 12),
            "feature": names(12 * n_modalities, "gene"),
            "frequency": np.tile(np.linspace(1, 0.2, 12), n_modalities),
            "threshold": 0.7,
        }
    )
    table["selected"] = table["frequency"] >= table["threshold"]
    return plotting.StabilityDisplay(table).plot()


def results(n_models, n_tasks):
    """Return scores; the models stand for classes, the tasks for modalities."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "task": task,
            "model": label,
            "label": label,
            "repeat": 0,
            "fold": fold,
            "f1_macro": rng.uniform(0.5, 0.9),
        }
        for task in names(n_tasks, "task")
        for label in names(n_models, "model")
        for fold in range(5)
    ]
    return pd.DataFrame(rows)


def scores(n_classes, n_modalities):
    return plotting.BenchmarkDisplay(results(n_classes, n_modalities)).plot()


def boxes(n_classes, n_modalities):
    return plotting.ScoreBoxDisplay(results(n_classes, 1)).plot()


def ranks(n_classes, n_modalities):
    labels = names(n_classes, "model")
    table = pd.DataFrame(
        {"label": labels, "rank": np.linspace(1, n_classes, n_classes)}
    )
    table.index = pd.Index(labels, name="model")
    pairs = pd.DataFrame(combinations(labels, 2), columns=["model", "other"])
    pairs["p_nemenyi"] = np.linspace(0, 1, len(pairs))
    return plotting.CriticalDifferenceDisplay(table, pairs, n_classes / 4).plot()


def learning(n_classes, n_modalities):
    rows = [
        {"label": label, "n_train": n, "mean": 0.5 + 0.01 * i + n / 1000, "std": 0.02}
        for i, label in enumerate(names(n_classes, "model"))
        for n in (40, 80, 160)
    ]
    return plotting.LearningCurvesDisplay(pd.DataFrame(rows)).plot()


def shift(n_classes, n_modalities):
    tables = {
        name: pd.DataFrame(
            np.random.default_rng(0).normal(size=(40, 4)), columns=names(4, "gene")
        )
        for name in names(n_modalities, "omics")
    }
    new = {name: table[20:] * 2 + 1 for name, table in tables.items()}
    old = {name: table[:20] for name, table in tables.items()}
    model = make_pipeline(OmicsConcatenator(), DummyClassifier())
    model.fit(old, np.arange(20) % 2)
    return plotting.CohortShiftDisplay.from_estimator(
        model, new, X_train=old, n_permutations=99, alpha=0.05, novelty=False
    )


PICTURES = {
    "AttentionDisplay": attention,
    "BenchmarkDisplay": scores,
    "CohortShiftDisplay": shift,
    "ConfusionDisplay": confusion,
    "CriticalDifferenceDisplay": ranks,
    "EmbeddingDisplay": embedding,
    "FeatureImportanceDisplay": features,
    "LearningCurvesDisplay": learning,
    "ModalityImportanceDisplay": modalities,
    "ReliabilityDisplay": reliability,
    "ReliabilityDisplay by class": reliability_by_class,
    "RiskCoverageDisplay": risk,
    "SampleHeatmapDisplay": heatmap,
    "ScoreBoxDisplay": boxes,
    "StabilityDisplay": stability,
    "TrainingCurveDisplay": training,
}


def shown_texts(figure):
    """Return each text that is seen, with its box in pixels."""
    from matplotlib.text import Text

    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    hidden = set()
    for axes in figure.axes:
        if not axes.get_visible():
            hidden.update(axes.findobj(Text))
        # Labels of ticks that lie beyond the limits are kept, but not drawn.
        for axis in (axes.xaxis, axes.yaxis):
            first, last = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                if not first - 1e-9 <= tick.get_loc() <= last + 1e-9:
                    hidden.update([tick.label1, tick.label2])
    texts = [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and text not in hidden
    ]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts]


def texts_beyond(figure, slack=1):
    """Return the texts that leave the figure."""
    width, height = figure.bbox.width + slack, figure.bbox.height + slack
    return [
        text
        for text, box in shown_texts(figure)
        if min(box.x0, box.y0) < -slack or box.x1 > width or box.y1 > height
    ]


def texts_that_overlap(figure, slack=0.5):
    """Return pairs of texts that lie on one another."""
    shown = [(text, box.padded(-slack)) for text, box in shown_texts(figure)]
    return [
        (one, other)
        for (one, box), (other, its) in combinations(shown, 2)
        if min(box.x1, its.x1) > max(box.x0, its.x0)
        and min(box.y1, its.y1) > max(box.y0, its.y0)
    ]
