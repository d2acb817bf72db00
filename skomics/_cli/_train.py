"""``skomics train``: from labeled samples to a saved model."""

from functools import partial

import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, cross_validate

from skomics._cli._console import (
    CARDS,
    UsageError,
    add_output,
    announced,
    claim,
    print_json,
    write_whole,
)
from skomics._cli._data import add_data, add_labels, describe_samples, read_data
from skomics._validation import rarest_class
from skomics.metrics import score_intervals
from skomics.pipeline import CLASSIFIERS, make_omics_pipeline

__all__ = ["add_arguments"]

# What a model is scored by, under the names of scikit-learn.
SCORES = ("f1_macro", "balanced_accuracy", "accuracy")
_EXAMPLE = """\
Single missing values are imputed by medians, features that do not vary are left out,
and the others are scaled, within each fold of the cross-validation. Samples may lack
whole modalities.

example:
  skomics train cohort/train --model sma --coverage 0.8 -o model.safetensors

For samples that are called only where the model is sure, --coverage says how many, or
--risk with how many errors.
"""


def add_arguments(parser):
    """Add the arguments of the command."""
    add_data(parser, what="labeled samples")
    add_labels(parser)
    parser.add_argument(
        "--model",
        choices=[*CLASSIFIERS],
        default="sma",
        help="what is trained (default: %(default)s)",
    )
    parser.add_argument(
        "--n-features",
        metavar="N",
        type=int,
        help="keep so many features of each modality (default: all)",
    )
    parser.add_argument(
        "--search",
        choices=["small", "large"],
        help="also choose its parameters, by inner cross-validation",
    )
    called = parser.add_mutually_exclusive_group()
    called.add_argument(
        "--coverage", metavar="SHARE", type=float, help="share of samples to call"
    )
    called.add_argument(
        "--risk", metavar="SHARE", type=float, help="share of errors among the called"
    )
    parser.add_argument(
        "--cv",
        metavar="N",
        type=int,
        default=5,
        help="folds of the estimate of how good the model is; 0 for none (default: "
        "%(default)s, fewer where a class is smaller)",
    )
    parser.add_argument(
        "--card", metavar="FILE", help="also write a card of the model (html or md)"
    )
    parser.add_argument(
        "--max-epochs", metavar="N", type=int, help="train a network for so long"
    )
    parser.add_argument(
        "--device", default="auto", help="where networks are trained (default: auto)"
    )
    parser.add_argument(
        "--seed", metavar="N", type=int, default=0, help="default: %(default)s"
    )
    parser.add_argument(
        "--n-jobs", metavar="N", type=int, default=1, help="fits at the same time"
    )
    add_output(parser, "the file of the model, .safetensors", is_required=True)
    parser.add_argument(
        "--json", action="store_true", help="print the estimate as JSON"
    )
    parser.epilog = _EXAMPLE
    parser.set_defaults(run=train)


def train(args):
    """Train, estimate how good the model is, and save it."""
    from skomics.persistence import save_model

    claim(args.output, args.force, (".safetensors",))
    claim(args.card, args.force, CARDS)
    _check_numbers(args)
    X, y = read_data(args.data, args, has_labels=True)
    model = make_model(args)
    what = f"{args.model} on {describe_samples(X)}, {y.nunique()} classes"
    results = None
    if args.cv:
        n_folds = _count_folds(args.cv, y)
        with announced(f"Estimating {what} by {n_folds} folds"):
            results = estimate(model, X, y, args, n_folds)
    with announced(f"Training {what}"):
        model.fit(X, y)
    write_whole(args.output, partial(save_model, model))
    called = _describe_calls(model) if hasattr(model, "risk_coverage_") else {}
    _say(results, called, args)
    if args.card is not None:
        _write_card(model, results, X, y, args)


def _check_numbers(args):
    """Refuse numbers out of range before anything is computed."""
    if args.cv < 0 or args.cv == 1:
        raise UsageError(f"Got --cv {args.cv}, but 0 or at least 2 folds are wanted.")
    for name in ("coverage", "risk"):
        share = getattr(args, name)
        if share is not None and not 0 <= share <= 1:
            raise UsageError(f"Got --{name} {share}, but a share of 0 to 1 is wanted.")


def _count_folds(n_folds, y):
    label, n_samples = rarest_class(y)
    if n_samples < 2:
        raise ValueError(
            f"The class {label!r} has a single sample, but an estimate by folds wants "
            "2 of each class. Add samples, leave the class out, or go without an "
            "estimate by --cv 0."
        )
    return min(n_folds, n_samples)


def make_model(args):
    """Return what the options ask for, not fitted."""
    model = make_omics_pipeline(
        args.model, n_features=args.n_features, random_state=args.seed
    )
    wanted = {"device": args.device, "max_epochs": args.max_epochs}
    known = model[-1].get_params()
    if args.max_epochs is not None and "max_epochs" not in known:
        raise UsageError(f"--max-epochs is for networks; {args.model} is none.")
    model[-1].set_params(
        **{k: v for k, v in wanted.items() if k in known and v is not None}
    )
    if args.search is not None:
        model = _make_search(model, args)
    if args.coverage is not None or args.risk is not None:
        from skomics.calibration import SelectiveClassifier

        model = SelectiveClassifier(
            model, coverage=args.coverage, risk=args.risk, n_jobs=args.n_jobs
        )
    return model


def _make_search(model, args):
    from skomics.model_selection import BatchedSearchCV, param_distributions

    given = param_distributions(model, args.search)
    if args.search == "small":
        options = {"param_grid": given}
    else:
        options = {"param_distributions": given, "n_iter": 20}
    return BatchedSearchCV(
        model,
        scoring=SCORES[0],
        n_jobs=args.n_jobs,
        random_state=args.seed,
        **options,
    )


def estimate(model, X, y, args, n_folds):
    """Return the cross-validation of what will be trained, its search included.

    One that abstains is scored on all samples, by the classes that it would call.
    """
    model = model if args.coverage is None and args.risk is None else model.estimator
    return cross_validate(
        clone(model),
        X,
        y,
        cv=StratifiedKFold(n_folds, shuffle=True, random_state=args.seed),
        scoring=list(SCORES),
        return_indices=True,
        n_jobs=args.n_jobs,
        error_score="raise",
    )


def _describe_calls(model):
    """Return how many held-out training samples are called, and how many wrong."""
    is_called = model.held_out_confidence_ >= model.threshold_
    is_wrong = ~model.held_out_correct_[is_called]
    return {
        "coverage": float(is_called.mean()),
        "risk": float(is_wrong.mean()) if is_called.any() else None,
    }


def _say(results, called, args):
    scores = pd.DataFrame()
    if results is not None:
        scores = score_intervals(results).rename(lambda n: n.removeprefix("test_"))
    if args.json:
        found = {"model": str(args.output), "scores": scores.to_dict("index"), **called}
        print_json(found)
        return
    if results is not None:
        print(f"Cross-validated on {scores['n_fits'].iloc[0]} folds, 95 % intervals:")
    for name, row in scores.iterrows():
        print(f"  {name}: {row['mean']:.3f} ({row['low']:.3f} to {row['high']:.3f})")
    if called:
        risk = "none" if called["risk"] is None else f"{called['risk']:.3f}"
        print(f"Called {called['coverage']:.3f} of held-out samples, errors: {risk}")


def _write_card(model, results, X, y, args):
    from skomics.inspection import model_card

    card = model_card(model, results, X=X, y=y, title=f"{args.model} of {args.data[0]}")
    write_whole(args.card, card.save)
