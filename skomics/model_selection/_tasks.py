"""A batch of candidates in one fold: fitted together, scored one after another."""

import time
from dataclasses import dataclass

from sklearn.base import clone

from skomics._compat import _fit_and_score
from skomics.model_selection._batches import Batch, BatchFit, network_of

__all__ = ["Task", "most_epochs"]


@dataclass
class Task:
    """What a worker does in one piece.

    Parameters
    ----------
    estimator : estimator
        What is searched.

    batch : Batch
        Which candidates.

    params : list of dict
        Their parameters.

    number : int
        Of the fold.

    split : tuple of ndarray
        Training and test samples.

    sizes : tuple of int
        Number of candidates, and of folds.

    kwargs : dict
        What scikit-learn's own function for one candidate takes beside these.

    pauses : bool, default=False
        Whether training is gone on with later, so that it is kept.
    """

    estimator: object
    batch: Batch
    params: list
    number: int
    split: tuple
    sizes: tuple
    kwargs: dict
    pauses: bool = False
    fits: BatchFit | None = None

    def run(self, X, y, contexts, until=None):
        """Fit, or train on, and score the candidates that have a context.

        Parameters
        ----------
        X, y : indexable
            All samples. They are no part of the task, so that they need not travel with
            each.

        contexts : dict of int to CallbackContext
            By candidate.

        until : int, default=None
            The epoch to pause after; None trains to the end.

        Returns
        -------
        results : dict of int to dict
            What scikit-learn notes of a fit, by candidate.
        """
        fits = None if self.batch.is_alone else self._fit_together(X, y, until)
        results = {}

        def score(estimator, i, c):
            return self._score(estimator, X, y, i, contexts[c])

        for i, c in enumerate(self.batch.members):
            if c not in contexts:
                continue
            if fits is None:
                results[c] = score(clone(self.estimator), i, c)
            else:
                ready, seconds = _ready(fits, i)
                results[c] = score(ready, i, c)
                results[c]["fit_time"] = seconds
                del ready.fit, ready.set_params  # they know the estimator, and it them
        if self.pauses:
            self.fits = fits
        return results

    def _score(self, estimator, X, y, i, context):
        train, test = self.split
        n_candidates, n_splits = self.sizes
        return _fit_and_score(
            estimator,
            X,
            y,
            train=train,
            test=test,
            parameters=self.params[i],
            split_progress=(self.number, n_splits),
            candidate_progress=(self.batch.members[i], n_candidates),
            callback_ctx=context,
            **self.kwargs,
        )

    def _fit_together(self, X, y, until):
        """Return the candidates fitted together, or None if it has to be one by one."""
        try:
            return (self.fits or self._begin(X, y)).advance(until)
        except Exception as error:
            if self.pauses:
                return BatchFit([self.estimator] * len(self.params), False).fail(error)
            return None  # each candidate's own fit tells what is wrong with it

    def _begin(self, X, y):
        estimators = [
            clone(self.estimator).set_params(**clone(own, safe=False))
            for own in self.params
        ]
        fits = BatchFit(estimators, self.batch.is_stack)
        return fits.read(X, y, self.split[0], self.kwargs["fit_params"])

    def drop(self, candidates):
        """Let go of candidates that are not wanted any more."""
        members = self.batch.members
        dropped = [i for i, c in enumerate(members) if c in candidates]
        if self.fits is not None and dropped:
            self.fits.drop(dropped)


def _ready(fits, i):
    """Return an estimator whose `fit` is done already, and how long it took."""
    start = time.perf_counter()
    try:
        fitted, error = fits.fitted(i), None
    except Exception as raised:
        fitted, error = clone(fits.estimators[i]), raised
    seconds = fits.seconds + time.perf_counter() - start

    def fit(*_, **__):
        if error is not None:
            raise error
        return fitted

    # Setting its parameters again would put unfitted steps in the place of fitted ones.
    fitted.fit, fitted.set_params = fit, lambda **_: fitted
    return fitted, seconds


def most_epochs(tasks):
    """Return the number of epochs of a whole training in the fold that has most.

    Parameters
    ----------
    tasks : list of Task
        Of networks of skomics.

    Returns
    -------
    n_epochs : int
        As a candidate's own fit would count them.
    """
    return max(
        network_of(
            clone(task.estimator).set_params(**clone(task.params[0], safe=False))
        )._count_epochs(len(task.split[0]))
        for task in tasks
    )
