"""The sections of a model card."""

import warnings

import numpy as np
from sklearn.metrics import log_loss
from sklearn.utils import estimator_html_repr

from skomics._document import (
    Cell,
    Code,
    Diagram,
    Section,
    Table,
    Text,
    count_cell,
    interval_cell,
    number_cell,
    text_cell,
)
from skomics._environment import package_versions
from skomics.inspection._attributions import feature_attributions
from skomics.inspection._importance import modality_importance
from skomics.inspection._unroll import flatten_steps, held_classifier, unwrap
from skomics.metrics import wilson_interval

__all__ = [
    "calibration_section",
    "class_section",
    "data_section",
    "feature_section",
    "limits_section",
    "modality_section",
    "origin_section",
    "overview_section",
    "pipeline_section",
    "score_section",
]

# Fewer samples than this in a class are said to be few.
_FEW = 20
_N_NAMED = 5
_EDGES = (0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1)
_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "torch")


def overview_section(estimator, intended_use):
    steps = unwrap(estimator)
    n_classes = len(estimator.classes_)
    names = " → ".join(type(step).__name__ for step in steps)
    parts = [Text(f"{names}: samples are given one of {n_classes} classes.")]
    outer = flatten_steps(estimator)[-1]
    if held_classifier(outer) is not None:
        parts.append(Text(f"The answers are those of {type(outer).__name__}."))
    if intended_use is None:
        unsaid = "What it is meant for was not said: give intended_use=."
        parts.append(Text(unsaid, is_warning=True))
    else:
        parts.append(Text(f"Intended use: {intended_use}"))
    return Section("What it is", parts)


def _receipts(estimator):
    """Return the receipts of a pipeline's steps, those that have one."""
    steps = [step for step in unwrap(estimator) if hasattr(step, "fit_receipt_")]
    return [step.fit_receipt_ for step in steps]


def data_section(estimator):
    receipts = _receipts(estimator)
    section = Section("Data")
    if not receipts:
        kind = type(unwrap(estimator)[-1]).__name__
        section.parts.append(Text(f"{kind} does not record what it was fitted to."))
        return section
    first, last = receipts[0], receipts[-1]
    n_samples, n_modalities = first["n_samples"], len(first["omics"])
    text = f"{n_samples} samples, {n_modalities} modalities."
    section.parts.append(Text(text))
    section.parts.append(_modality_table(receipts))
    if "classes" in last:
        section.parts.append(_class_table(last["classes"]))
    section.parts.extend(_left_out_tables(receipts))
    if "data" in last:
        digest = f"Digest of the samples, classes and weights: {last['data']}."
        section.parts.append(Text(digest))
    return section


def _modality_table(receipts):
    first, last = receipts[0], receipts[-1]
    lost = {part["omics"]: part["n_features"] for part in last["features_left_out"]}
    used = {part["name"]: part["n_features"] for part in last["omics"]}
    header = ["modality", "features given", "features used", "samples that lack it"]
    rows = []
    for part in first["omics"]:
        name = part["name"]
        n_used = part.get("n_features_out", used.get(name, 0))
        if last is not first or "n_features_out" not in part:
            n_used = used.get(name, n_used) - lost.get(name, 0)
        counts = (part["n_features"], n_used, part["n_lacking"])
        rows.append([text_cell(name), *map(count_cell, counts)])
    return Table("Modalities", header, rows)


def _class_table(classes):
    total = sum(part["n_samples"] for part in classes)
    rows = [
        [
            text_cell(part["label"]),
            count_cell(part["n_samples"]),
            number_cell(part["n_samples"] / total, 2),
        ]
        for part in classes
    ]
    return Table("Training samples of each class", ["class", "samples", "share"], rows)


def _left_out_tables(receipts):
    features = [
        [
            text_cell(part["omics"]),
            text_cell(part["why"]),
            count_cell(part["n_features"]),
            text_cell(_name_some(part["features"])),
        ]
        for receipt in receipts
        for part in receipt["features_left_out"]
    ]
    samples = [
        [count_cell(part["n_samples"]), text_cell(part["why"])]
        for receipt in receipts
        for part in receipt.get("samples_left_out", [])
    ]
    tables = []
    if features:
        header = ["modality", "by", "features", "among them"]
        tables.append(Table("Features left out", header, features))
    if samples:
        tables.append(Table("Samples left out", ["samples", "why"], samples))
    return tables


def _name_some(names):
    names = [str(name) for name in names]
    more = ", …" if len(names) > _N_NAMED else ""
    return ", ".join(names[:_N_NAMED]) + more


def score_section(shown, estimator):
    section = Section("Scores")
    if not shown:
        unknown = (
            "How well it does is not known: no results and no test samples were given."
        )
        section.parts.append(Text(unknown, is_warning=True))
    for evidence in shown:
        header = ["score", "mean", "95 % interval", "SD", "fits"]
        rows = [
            [
                text_cell(name),
                number_cell(row["mean"]),
                interval_cell(row["low"], row["high"]),
                number_cell(row["std"]),
                count_cell(row["n_fits"]),
            ]
            for name, row in evidence.scores.iterrows()
        ]
        section.parts.append(Table(evidence.origin, header, rows))
    if hasattr(estimator, "best_params_"):
        section.parts.append(_search_text(estimator))
    return section


def _search_text(search):
    score = getattr(search, "best_score_", np.nan)
    n_candidates = len(search.cv_results_["params"])
    return Text(
        f"The parameters {search.best_params_} were chosen among {n_candidates} "
        f"candidates by the score {score:.3f}, which is too good for having been "
        "chosen by, and no estimate."
    )


def class_section(shown):
    section = Section("Classes")
    for evidence in shown:
        if evidence.confusion is not None:
            table = _per_class(evidence)
            section.parts.extend([table, _confusion_table(evidence)])
            break
    return section


def _per_class(evidence):
    counts = evidence.confusion
    right, true, called = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, precision = right / true, right / called
        f1 = 2 * right / (true + called)
    header = ["class", "predictions", "recall", "95 % interval", "precision", "F1"]
    rows = [
        [
            text_cell(label),
            count_cell(true[i]),
            number_cell(recall[i]),
            interval_cell(*wilson_interval(right[i], true[i])),
            number_cell(precision[i]),
            number_cell(f1[i]),
        ]
        for i, label in enumerate(evidence.classes)
    ]
    return Table(f"Each class ({evidence.origin})", header, rows)


def _confusion_table(evidence):
    counts = evidence.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = [
        [text_cell(label), *(_shaded(n, s) for n, s in zip(row, share, strict=True))]
        for label, row, share in zip(evidence.classes, counts, shares, strict=True)
    ]
    header = ["class", *(f"called {label}" for label in evidence.classes)]
    return Table("Calls", header, rows)


def _shaded(n, share):
    return Cell(f"{int(n)}", int(n), shade=float(share))


def calibration_section(shown):
    section = Section("Calibration")
    for evidence in shown:
        if evidence.y_proba is not None:
            section.parts.extend(_calibration(evidence))
            break
    return section


def _calibration(evidence):
    """Return how often calls of some confidence are right."""
    classes = np.asarray(evidence.classes)
    proba, y = evidence.y_proba, evidence.y_true
    confidence, is_right = proba.max(axis=1), classes[proba.argmax(axis=1)] == y
    bins = np.digitize(confidence, _EDGES[1:-1], right=True)
    rows = [
        [
            text_cell(f"{_EDGES[i]:g} to {_EDGES[i + 1]:g}"),
            count_cell((bins == i).sum()),
            number_cell(confidence[bins == i].mean()),
            number_cell(is_right[bins == i].mean()),
            interval_cell(
                *wilson_interval(is_right[bins == i].sum(), (bins == i).sum())
            ),
        ]
        for i in np.unique(bins)
    ]
    header = ["probability", "calls", "mean", "share right", "95 % interval"]
    hot = y[:, None] == classes
    brier = np.mean(((proba - hot) ** 2).sum(axis=1))
    loss = log_loss(y, proba, labels=evidence.classes)
    text = f"Log loss {loss:.3f}, Brier score {brier:.3f} (0 is best, 2 worst)."
    caption = (
        f"How often a call is right, by the probability of its class. {evidence.origin}"
    )
    return [Table(caption, header, rows), Text(text)]


def modality_section(estimator, test):
    section = Section("Modalities")
    if test is None:
        return section
    found = modality_importance(estimator, *test, n_repeats=5, random_state=0)
    order = np.argsort(-found.importances_mean)
    rows = [
        [
            text_cell(found.groups[i]),
            number_cell(found.importances_mean[i]),
            number_cell(found.importances_std[i]),
        ]
        for i in order
    ]
    caption = "How much the score on the test samples falls when a modality is shuffled"
    section.parts.append(Table(caption, ["modality", "loss", "SD"], rows))
    return section


def feature_section(estimator, X, n_top):
    section = Section("Features")
    if X is None:
        section.parts.append(Text("Not ranked: no samples were given (X=, test=)."))
        return section
    model = estimator
    while held_classifier(model) is not None:
        model = held_classifier(model)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = feature_attributions(model, X)
    except (ImportError, ValueError) as error:
        section.parts.append(Text(f"Not ranked: {error}"))
        return section
    top = table.groupby("class", sort=False).head(n_top)
    header = ["class", "modality", "feature", "adds on average", "speaks for it when"]
    section.parts.append(Table(f"First {n_top} of each class", header, _rows_of(top)))
    return section


def _rows_of(top):
    words = {1: "high", -1: "low"}
    return [
        [
            *(text_cell(row[name]) for name in ("class", "modality", "feature")),
            number_cell(row["value"]),
            text_cell(words.get(row["direction"], "–")),
        ]
        for _, row in top.iterrows()
    ]


def limits_section(estimator, evidence, tested, limits):
    given = [limits] if isinstance(limits, str) else list(limits or [])
    found = [*given, *_limits_of_data(estimator), *_limits_of_scores(evidence, tested)]
    return Section("Limits", [Text(text) for text in found])


def _limits_of_data(estimator):
    """Yield what follows from the samples that it was fitted to."""
    receipts = _receipts(estimator)
    if not receipts:
        return
    n_samples = receipts[0]["n_samples"]
    n_features = sum(part["n_features"] for part in receipts[0]["omics"])
    if n_features > n_samples:
        ratio = f"{n_features / n_samples:.0f}"
        yield (
            f"There are {ratio} features for each sample: which of them a model rests "
            "on can differ from one data set to the next."
        )
    few = [
        f"{part['label']} ({part['n_samples']})"
        for part in receipts[-1].get("classes", [])
        if part["n_samples"] < _FEW
    ]
    if few:
        yield f"Few training samples: {', '.join(few)}."
    classifier = unwrap(estimator)[-1]
    if hasattr(classifier, "_describe_training"):
        yield f"The model {classifier._describe_training()}."
    if getattr(classifier, "inference", None) == "transductive":
        yield "An answer depends on which other samples are asked for with it."


def _limits_of_scores(evidence, tested):
    """Yield what the scores do not say."""
    if tested is None and evidence is not None:
        yield (
            "The scores are of samples from the same source as the training samples. "
            "They say nothing of another hospital, platform or population."
        )
    best = [found for found in (tested, evidence) if found is not None]
    if any((found.scores["mean"] == 1).any() for found in best):
        yield (
            "A score is perfect. Make sure that no feature, and no pattern of missing "
            "values, gives the class away."
        )


def pipeline_section(estimator):
    diagram = Diagram(estimator_html_repr(estimator), repr(estimator))
    return Section("Pipeline", [diagram])


def origin_section(estimator, command):
    receipts = _receipts(estimator)
    versions = receipts[-1]["versions"] if receipts else package_versions(_PACKAGES)
    section = Section("How it was made")
    if command:
        section.parts.append(Code(command))
    facts = {}
    for receipt in receipts:
        name = receipt["estimator"]
        known = {"seed": "seed", "device": "device", "n_epochs": "epochs"}
        for key, word in known.items():
            if key in receipt:
                facts[f"{word} of {name}"] = receipt[key]
        facts[f"digest of what {name} learned"] = receipt["learned"]
    rows = [[text_cell(k), text_cell(v)] for k, v in {**facts, **versions}.items()]
    section.parts.append(Table("Fit and versions", ["what", "value"], rows))
    return section
