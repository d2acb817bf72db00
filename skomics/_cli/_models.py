"""The model that a command is about."""

from pathlib import Path

from sklearn.base import is_classifier

from skomics._cli._console import print_note

__all__ = ["add_features", "add_model", "fit_features", "load_classifier"]


def add_model(parser, nargs=None):
    """Add MODEL."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        type=Path,
        nargs=nargs,
        help='file of "skomics train" or skomics.save_model',
    )


def add_features(parser):
    """Add --strict and --aliases."""
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse data whose features are not those of training, in place of "
        "matching them by name",
    )
    parser.add_argument(
        "--aliases",
        metavar="FILE",
        type=Path,
        help="complete set of HGNC as downloaded, for previous and other gene symbols",
    )


def load_classifier(path):
    """Return the classifier in a file.

    Raises
    ------
    ValueError
        If the file holds something else.
    """
    from skomics.persistence import load_model

    model = load_model(path)
    if not is_classifier(model):
        raise ValueError(
            f"{path} holds a {type(model).__name__}, but a classifier is wanted. Give "
            'a file of "skomics train".'
        )
    return model


def fit_features(model, X, args):
    """Return samples with the features of training, and say what that took.

    Parameters
    ----------
    model : fitted classifier
        The model.

    X : DataFrame, AnnData or dict
        New samples.

    args : Namespace
        With `strict`, whether features must be those of training as they are, and
        `aliases`.

    Returns
    -------
    X : DataFrame, AnnData or dict
        The samples.
    """
    if args.strict:
        return X
    from skomics.preprocessing import align_features

    X, report = align_features(X, model, rename=args.aliases)
    changes = ["renamed", "missing", "dropped", "ambiguous"]
    if report.absent or report.counts[changes].to_numpy().any():
        print_note(report)
    return X
