"""``skomics predict``: calls of new samples."""

import pandas as pd

from skomics._blocks import read_blocks
from skomics._cli._console import (
    add_table_options,
    announced,
    claim,
    print_note,
    print_table,
)
from skomics._cli._data import add_data, describe_samples, keep_out, read_data
from skomics._cli._models import add_features, add_model, fit_features, load_classifier
from skomics._modality import modality_mask

__all__ = ["add_arguments", "call_samples"]

_EXAMPLE = """\
The table has, for each sample: sample, call, abstained, the probability of each class,
the modalities that it has, and with --train the novelty (a p-value: small where the
sample is unlike all of training). Features are matched by name; what was renamed, is
missing or is left out is said, unless --strict refuses it.

example:
  skomics predict model.safetensors cohort/test --train cohort/train -o calls.csv
"""


def add_arguments(parser):
    """Add the arguments of the command."""
    add_model(parser)
    add_data(parser, what="new samples")
    parser.add_argument(
        "--train",
        metavar="DATA",
        nargs="+",
        help="the samples of training, for the novelty of the new ones",
    )
    add_features(parser)
    add_table_options(parser, "the calls")
    parser.epilog = _EXAMPLE
    parser.set_defaults(run=predict)


def predict(args):
    """Call new samples."""
    claim(args.output, args.force)
    keep_out(args.output, args.data, args.train)
    model = load_classifier(args.model)
    X, _ = read_data(args.data, args, has_labels=False)
    X = fit_features(model, X, args)
    train = None
    if args.train is not None:
        train, _ = read_data(args.train, args, has_labels=False)
        train = fit_features(model, train, args)
        _warn_of_shift(model, X, train)
    with announced(f"Calling {describe_samples(X)}"):
        table = call_samples(model, X, train)
    print_table(table, args)


def _warn_of_shift(model, X, X_train):
    from skomics.inspection import cohort_shift

    shift = cohort_shift(model, X, X_train=X_train, novelty=False, random_state=0)
    if shift.is_shifted:
        print_note(f'{shift}\n  "skomics shift" says more.')


def call_samples(model, X, X_train=None):
    """Return what a model says of each sample.

    Parameters
    ----------
    model : fitted classifier
        The model.

    X : DataFrame, AnnData or dict
        New samples.

    X_train : DataFrame, AnnData or dict, default=None
        Those of training, for the novelty.

    Returns
    -------
    table : DataFrame
        Columns sample, call, abstained, probability_<class>, novelty_p_value (with
        `X_train`) and modalities.
    """
    read = read_blocks(X)
    calls = pd.Series(model.predict(X), dtype=object)
    samples = range(len(calls)) if read.rows is None else read.rows
    table = pd.DataFrame({"sample": list(samples), "call": calls})
    table["abstained"] = calls.isna() | ~calls.isin(list(model.classes_))
    if hasattr(model, "predict_proba"):
        for label, column in zip(model.classes_, model.predict_proba(X).T, strict=True):
            table[f"probability_{label}"] = column
    if X_train is not None:
        from skomics.inspection import novelty_score

        novelty = novelty_score(model, X, X_train, random_state=0)
        table["novelty_p_value"] = novelty["p_value"].to_numpy()
    table["modalities"] = _name_observed(read)
    return table


def _name_observed(read):
    """Return the modalities that each sample has, with a plus sign between them."""
    observed = {name: modality_mask(b.data) for name, b in read.blocks.items()}
    rows = zip(*observed.values(), strict=True)
    return [
        "+".join(name for name, has in zip(observed, row, strict=True) if has)
        for row in rows
    ]
