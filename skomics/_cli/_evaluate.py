"""``skomics evaluate``: scores on labeled samples that a model has not seen."""

import pandas as pd

from skomics._cli._console import add_table_options, claim, print_json, write_whole
from skomics._cli._data import (
    add_data,
    add_labels,
    describe_samples,
    keep_out,
    read_data,
)
from skomics._cli._models import add_features, add_model, fit_features, load_classifier

__all__ = ["add_arguments"]

_EXAMPLE = """\
Scores with 95 % intervals, and how often each class was called which. With --output the
table of classes and calls is written as csv.

example:
  skomics evaluate model.safetensors cohort/test
"""


def add_arguments(parser):
    """Add the arguments of the command."""
    add_model(parser)
    add_data(parser, what="labeled samples")
    add_labels(parser)
    add_features(parser)
    add_table_options(parser, "the confusion matrix")
    parser.epilog = _EXAMPLE
    parser.set_defaults(run=evaluate)


def evaluate(args):
    """Score a model on labeled samples."""
    from skomics.inspection._evidence import held_out_evidence

    claim(args.output, args.force)
    keep_out(args.output, args.data)
    model = load_classifier(args.model)
    X, y = read_data(args.data, args, has_labels=True)
    X = fit_features(model, X, args)
    evidence = held_out_evidence(model, X, y, list(model.classes_))
    names = [str(label) for label in evidence.classes]
    confusion = pd.DataFrame(
        0 if evidence.confusion is None else evidence.confusion,
        index=pd.Index(names, name="class"),
        columns=[f"called_{name}" for name in names],
    )
    if args.output is not None:
        write_whole(args.output, confusion.to_csv)
    if args.json:
        scores = evidence.scores[["mean", "low", "high"]].to_dict("index")
        print_json({"scores": scores, "confusion": confusion.to_dict("index")})
    else:
        _print_scores(evidence, confusion, describe_samples(X))


def _print_scores(evidence, confusion, samples):
    print(f"Scores on {samples}:")
    for name, row in evidence.scores.iterrows():
        has_bounds = pd.notna(row["low"])
        bounds = f" ({row['low']:.3f} to {row['high']:.3f})" if has_bounds else ""
        print(f"  {name}: {row['mean']:.3f}{bounds}")
    print("Classes (rows) and calls (columns):")
    print(confusion.to_string())
