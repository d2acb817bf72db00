"""``skomics shift``: how another cohort differs from that of training."""

from functools import partial
from pathlib import Path

from skomics._cli._console import (
    FIGURES,
    add_table_options,
    announced,
    claim,
    print_json,
    save_figure,
    write_whole,
)
from skomics._cli._data import (
    add_data,
    add_labels,
    describe_samples,
    has_labels,
    keep_out,
    read_data,
)
from skomics._cli._models import add_features, add_model, fit_features, load_classifier

__all__ = ["add_arguments"]

_EXAMPLE = """\
For each modality: can a classifier tell the two cohorts apart, and by which features.
With --output the features are written as csv: how their center and spread differ. Where
training has labels.csv, or --target is given, the probabilities of its calls are
compared, too.

example:
  skomics shift model.safetensors cohort/test --train cohort/train
"""


def add_arguments(parser):
    """Add the arguments of the command."""
    add_model(parser)
    add_data(parser, what="samples of the other cohort")
    parser.add_argument(
        "--train",
        metavar="DATA",
        nargs="+",
        required=True,
        help="the samples of training",
    )
    add_labels(parser)
    add_features(parser)
    parser.add_argument(
        "--figure", metavar="FILE", type=Path, help="also draw it (png, svg or pdf)"
    )
    add_table_options(parser, "the features")
    parser.epilog = _EXAMPLE
    parser.set_defaults(run=show_shift)


def show_shift(args):
    """Say how another cohort differs from that of training."""
    from skomics.inspection import cohort_shift

    claim(args.output, args.force)
    keep_out(args.output, args.data, args.train)
    claim(args.figure, args.force, FIGURES)
    model = load_classifier(args.model)
    X, _ = read_data(args.data, args, has_labels=False)
    X = fit_features(model, X, args)
    X_train, y_train = read_data(
        args.train, args, has_labels=has_labels(args.train, args)
    )
    X_train = fit_features(model, X_train, args)
    with announced(f"Comparing {describe_samples(X)} with those of training"):
        shift = cohort_shift(model, X, X_train=X_train, y_train=y_train, random_state=0)
    if args.figure is not None:
        write_whole(args.figure, partial(_draw, shift))
    if args.output is not None:
        write = partial(shift.features.to_csv, index=False)
        write_whole(args.output, write)
    if args.json:
        print_json(_as_dict(shift))
    else:
        print(shift)


def _as_dict(shift):
    tables = {"modalities": shift.table.rename_axis("modality").reset_index()}
    tables |= {"features": shift.features, "missing": shift.missing}
    if shift.novelty is not None:
        tables["novelty"] = shift.novelty
    return {
        "is_shifted": bool(shift.is_shifted),
        "confidence": shift.confidence,
        "notes": shift.notes,
        **{name: table.to_dict("records") for name, table in tables.items()},
    }


def _draw(shift, path):
    from skomics.plotting import CohortShiftDisplay

    save_figure(CohortShiftDisplay(shift).plot().figure_, path)
