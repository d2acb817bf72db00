"""``skomics card``: a page about a model."""

from pathlib import Path

from skomics._cli._console import CARDS, add_output, claim, write_whole
from skomics._cli._data import add_data, add_labels, read_data
from skomics._cli._models import add_features, add_model, fit_features, load_classifier

__all__ = ["add_arguments"]

_EXAMPLE = """\
With labeled samples that the model has not seen, the card has scores, classes and
calibration of these; without, it says that nothing is known. "skomics train --card"
writes one with the estimate of its cross-validation.

example:
  skomics card model.safetensors cohort/test --intended-use "Research only." \\
    -o card.html
"""


def add_arguments(parser):
    """Add the arguments of the command."""
    add_model(parser)
    add_data(parser, what="labeled samples that the model has not seen", nargs="*")
    add_labels(parser)
    add_features(parser)
    parser.add_argument("--title", metavar="TEXT", help="title of the page")
    parser.add_argument(
        "--intended-use", metavar="TEXT", help="what the model is for, and for whom"
    )
    parser.add_argument(
        "--limits",
        metavar="TEXT",
        action="append",
        help="what it should not be used for; may be repeated",
    )
    add_output(parser, "the page, .html or .md", default=Path("model_card.html"))
    parser.epilog = _EXAMPLE
    parser.set_defaults(run=write_card)


def write_card(args):
    """Write a card of a model."""
    from skomics.inspection import model_card

    claim(args.output, args.force, CARDS)
    model, test = load_classifier(args.model), None
    if args.data:
        X, y = read_data(args.data, args, has_labels=True)
        test = (fit_features(model, X, args), y)
    card = model_card(
        model,
        test=test,
        title=args.title,
        intended_use=args.intended_use,
        limits=args.limits,
    )
    write_whole(args.output, card.save)
