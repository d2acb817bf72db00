"""``skomics explain``: what features and modalities add to the classes."""

from functools import partial
from pathlib import Path

from skomics._cli._console import (
    FIGURES,
    UsageError,
    add_table_options,
    announced,
    claim,
    print_table,
    save_figure,
    write_whole,
)
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
By features: modality, feature, class, value (mean absolute contribution) and direction
(1: high values speak for the class). By modalities: how much the score falls if a
modality is shuffled among the samples, which needs their classes.

example:
  skomics explain model.safetensors cohort/test -o features.csv --figure features.png
"""


def add_arguments(parser):
    """Add the arguments of the command."""
    add_model(parser)
    add_data(parser, what="samples, best those that the model has not seen")
    add_labels(parser)
    add_features(parser)
    parser.add_argument(
        "--by",
        choices=["features", "modalities"],
        default="features",
        help="what is explained (default: %(default)s)",
    )
    parser.add_argument(
        "--top",
        metavar="N",
        type=int,
        help="list the first N features of each class (default: all)",
    )
    parser.add_argument(
        "--figure", metavar="FILE", type=Path, help="also draw it (png, svg or pdf)"
    )
    add_table_options(parser, "the table")
    parser.epilog = _EXAMPLE
    parser.set_defaults(run=explain)


def explain(args):
    """List what features or modalities add."""
    claim(args.output, args.force)
    keep_out(args.output, args.data)
    claim(args.figure, args.force, FIGURES)
    by_modality = args.by == "modalities"
    if args.top is not None and (by_modality or args.top < 1):
        raise UsageError(f"Got --top {args.top}, but a number of features is wanted.")
    model = load_classifier(args.model)
    X, y = read_data(args.data, args, has_labels=by_modality)
    X = fit_features(model, X, args)
    with announced(f"Explaining {describe_samples(X)}"):
        table, draw = (_by_modality if by_modality else _by_feature)(model, X, y)
    if args.figure is not None:
        write_whole(args.figure, partial(_draw, draw))
    if args.top is not None:
        table = table.groupby("class", sort=False).head(args.top)
    print_table(table, args, decimals=5)


def _by_feature(model, X, _):
    from skomics.inspection import feature_attributions

    table = feature_attributions(model, X)

    def draw():
        from skomics.plotting import FeatureImportanceDisplay

        return FeatureImportanceDisplay(table).plot()

    return table, draw


def _by_modality(model, X, y):
    from skomics.inspection import modality_importance

    result = modality_importance(model, X, y, random_state=0)

    def draw():
        from skomics.plotting import ModalityImportanceDisplay

        return ModalityImportanceDisplay(result).plot()

    return result.table.reset_index(), draw


def _draw(draw, path):
    save_figure(draw().figure_, path)
