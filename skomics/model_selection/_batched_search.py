"""Grid and random search that trains networks of one architecture as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone, is_classifier
from sklearn.model_selection import ParameterGrid, ParameterSampler, check_cv
from sklearn.utils import indexable

from skomics._compat import (
    BaseSearchCV,
    Interval,
    StrOptions,
    _check_method_params,
    _fit_context,
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
    best_search_index,
    check_search_refit,
    format_search_results,
    has_callbacks,
    init_callback_context,
    route_search_params,
    scorers_by_name,
    search_scorers,
    wants_fitted_estimator,
)
from skomics._parallel import run_parallel
from skomics.model_selection._batches import Batch, plan_batches
from skomics.model_selection._halving import (
    best_candidates,
    make_rungs,
    read_halving,
)
from skomics.model_selection._tasks import Task, most_epochs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import CrossValidation, OmicsLike, RandomState, Scoring

__all__ = ["BatchedSearchCV"]

# What max_batch="auto" stands for.
_MAX_BATCH = 16
# So many batches for each worker, where there are enough candidates, so that none
# waits long for the last one.
_BATCHES_PER_JOB = 3


class BatchedSearchCV(BaseSearchCV):
    """Search of parameters that trains networks of one architecture as one.

    It is a drop-in for :class:`~sklearn.model_selection.GridSearchCV` and
    :class:`~sklearn.model_selection.RandomizedSearchCV`, with the same results.
    Candidates of :class:`~skomics.SMAClassifier` that differ only in how they are
    trained (`lr`, `weight_decay`, `label_smoothing`, `dropout`, `max_epochs`,
    `lr_schedule`, `warmup`, `n_iter_no_change`, `tol`) are trained side by side as one
    stacked network, with the same batches and random numbers. Candidates of any
    network of skomics that differ in nothing else share what comes before training:
    the steps of a pipeline before them, and the linear path. All others, and other
    estimators, are fitted as scikit-learn fits them.

    Parameters
    ----------
    estimator : estimator
        What is searched: a classifier, or a pipeline that ends in one.

    param_grid : dict or list of dict, default=None
        Values of each parameter. With `n_iter`, or where a value is a distribution,
        candidates are drawn from it, as from `param_distributions`.

    param_distributions : dict or list of dict, default=None
        Values or distributions of each parameter, from which `n_iter` candidates are
        drawn. Give this or `param_grid`.

    n_iter : int, default=None
        Number of candidates that are drawn. None tries each one of a grid, and
        draws 10 from distributions.

    scoring : str, callable, list, tuple or dict, default=None
        How candidates are scored, as in scikit-learn.

    n_jobs : int, default=None
        Number of workers. Each fits a batch of candidates in one fold, in threads where
        all batches are stacks, else in processes.

    refit : bool, str or callable, default=True
        Whether, or by which score, the best candidate is fitted to all samples.

    cv : int, splitter or iterable, default=None
        Folds, as in scikit-learn.

    verbose : int, default=0
        How much is printed, as in scikit-learn.

    pre_dispatch : int or str, default="2*n_jobs"
        How many batches are handed out ahead.

    error_score : "raise" or float, default=nan
        Score of a candidate whose fit fails. The others of its batch go on.

    return_train_score : bool, default=False
        Whether candidates are scored on their training samples, too.

    random_state : int, RandomState instance or None, default=None
        Of the drawing of candidates.

    halving : float, dict or None, default=None
        Successive halving by epochs: all candidates are trained for some, one of
        `halving` goes on to `halving` times as many, and so forth; those of the last
        rung are trained to the end. They continue where they are, with the learning
        rates of a whole training, so that no epoch is trained twice and a candidate
        that is left over is what its own fit gives. A dict has "factor" and, if
        wanted, "min_resources", the epochs of the first rung ("exhaust" by default, as
        in scikit-learn). For networks of skomics but the graph models; runs in threads.

    max_batch : int or "auto", default="auto"
        Most candidates of a batch. On a CPU up to five of them are in memory at once
        as one network, on other devices all, each with its weights, their gradients
        and what the optimizer remembers. "auto" takes up to 16, and fewer where there
        would be too few batches for `n_jobs`.

    Attributes
    ----------
    cv_results_ : dict of str to ndarray
        As of scikit-learn's searches. `fit_time` of a candidate is its share of the
        time of its batch.

    best_estimator_ : estimator
        The best candidate, fitted to all samples; with `refit` only.

    best_score_ : float
        Its mean score in the folds.

    best_params_ : dict
        Its parameters.

    best_index_ : int
        Its row in `cv_results_`.

    scorer_ : callable or dict of callable
        What candidates were scored by.

    n_splits_ : int
        Number of folds.

    refit_time_ : float
        Seconds of the last fit; with `refit` only.

    multimetric_ : bool
        Whether there are several scores.

    batches_ : list of list of int
        Candidates that were fitted together, by their order in the grid.

    n_candidates_, n_resources_ : list of int
        Candidates, and epochs at its end, of each rung; with `halving` only.

    n_iterations_ : int
        Number of rungs; with `halving` only.

    classes_ : ndarray of shape (n_classes,)
        Classes; with `refit` only.

    n_features_in_ : int
        Number of features seen during `fit`; with `refit` only.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features; with `refit`, and where X has names.

    See Also
    --------
    SMAClassifier : The network that is stacked.

    Notes
    -----
    With an integer `random_state` of the network, a candidate of a stack is what its
    own fit gives, up to the rounding of sums in single precision. With None, the
    candidates of a batch begin with the same weights, and other batches with others.

    A candidate that cannot be fitted together with the others of its batch, for
    whatever reason, is fitted by itself.

    Examples
    --------
    >>> from skomics import SMAClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.model_selection import BatchedSearchCV
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = SMAClassifier(n_ensemble=2, max_epochs=10, random_state=0)
    >>> grid = {"lr": [1e-4, 3e-3], "weight_decay": [0.1, 1.0]}
    >>> search = BatchedSearchCV(model, grid, cv=3).fit(X, y)
    >>> search.batches_
    [[0, 1, 2, 3]]
    """

    _parameter_constraints = {
        **BaseSearchCV._parameter_constraints,
        "param_grid": [dict, list, None],
        "param_distributions": [dict, list, None],
        "n_iter": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "halving": [Real, dict, None],
        "max_batch": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        param_grid: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        *,
        param_distributions: Mapping[str, Any]
        | Sequence[Mapping[str, Any]]
        | None = None,
        n_iter: int | None = None,
        scoring: Scoring | None = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[..., Any] = True,
        cv: CrossValidation | None = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: Literal["raise"] | float = np.nan,
        return_train_score: bool = False,
        random_state: RandomState = None,
        halving: float | Mapping[str, Any] | None = None,
        max_batch: int | Literal["auto"] = "auto",
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_grid = param_grid
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.random_state = random_state
        self.halving = halving
        self.max_batch = max_batch

    @property
    def n_features_in_(self) -> int:
        """Number of features seen during `fit`; with `refit` only."""
        return super().n_features_in_

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: OmicsLike, y: ArrayLike | None = None, **params: Any) -> Self:
        """Score all candidates, and fit the best one to all samples.

        Parameters
        ----------
        X : array-like, DataFrame or other indexable of n_samples rows
            Training samples, in any form that the estimator takes.

        y : array-like of shape (n_samples,), default=None
            Their labels.

        **params : dict of str to object
            Parameters of the estimator's `fit`, of the scorer and of the splitter
            (`sample_weight`, `groups`), as in scikit-learn.

        Returns
        -------
        self : BatchedSearchCV
            Fitted.

        Raises
        ------
        ValueError
            If there is no grid or there are two, if `refit` names no score where there
            are several, if the folds are empty, if all fits fail, or if `halving` is
            asked for and is not understood or a candidate cannot be paused.
        """
        candidates = self._candidates()
        search = self._begin(X, y, params)
        rows, out, more = self._evaluate(search, candidates)
        results = format_search_results(self, rows, self.n_splits_, out, more)
        refit_metric = self._check_metrics(search, out)
        self._choose(results, refit_metric)
        if self.refit:
            self._refit(search)
        self.scorer_ = scorers_by_name(search.scorers)
        self.cv_results_ = results
        search.end(search.root)
        return self

    def _candidates(self):
        """Return the parameters of all candidates."""
        grid, distributions = self.param_grid, self.param_distributions
        if (grid is None) == (distributions is None):
            got = "neither" if grid is None else "both"
            raise ValueError(
                "param_grid or param_distributions is wanted, but got "
                f"{got}. Give param_grid to try all combinations of values, or "
                "param_distributions to draw n_iter of them."
            )
        space = grid if distributions is None else distributions
        if distributions is None and self.n_iter is None and not _has_draws(space):
            return list(ParameterGrid(space))
        n_iter = 10 if self.n_iter is None else self.n_iter
        return list(ParameterSampler(space, n_iter, random_state=self.random_state))

    def _begin(self, X, y, params):
        """Route metadata, make the folds, and begin to report to callbacks."""
        scorers, refit_metric = search_scorers(self)
        X, y = indexable(X, y)
        params = _check_method_params(X, params=params)
        routed = route_search_params(self, params)
        weights = params.get("sample_weight")
        metadata = None if weights is None else {"sample_weight": weights}
        told = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        root = init_callback_context(self, 1 + (self.refit is not False))
        root.call_on_fit_task_begin(**told)
        splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        self.n_splits_ = splitter.get_n_splits(X, y, **routed.splitter.split)
        splits = list(splitter.split(X, y, **routed.splitter.split))
        if len(splits) != self.n_splits_:
            raise ValueError(
                f"The folds of {splitter} are said to be {self.n_splits_}, but there "
                f"are {len(splits)}. Mend its get_n_splits."
            )
        kwargs = {
            "scorer": scorers,
            "fit_params": routed.estimator.fit,
            "score_params": routed.scorer.score,
            "return_train_score": self.return_train_score,
            "return_n_test_samples": True,
            "return_times": True,
            "return_parameters": False,
            "error_score": self.error_score,
            "verbose": self.verbose,
            "caller": self,
        }
        base = clone(self.estimator)
        return _Search(
            X, y, base, scorers, refit_metric, splits, kwargs, routed, root, told
        )

    def _evaluate(self, search, candidates):
        """Fit and score all candidates in all folds; return rows, and their results."""
        n_splits = self.n_splits_
        if not candidates or not n_splits:
            raise ValueError(
                f"There are {len(candidates)} candidates and {n_splits} folds, so that "
                "nothing can be fitted. Check the grid and cv."
            )
        batches = self._plan(candidates)
        self.batches_ = [batch.members for batch in batches]
        tasks = self._tasks(search, candidates, batches)
        if self.halving is not None:
            return self._evaluate_rungs(search, candidates, tasks)
        context = self._search_context(search, len(candidates) * n_splits)
        everyone = list(range(len(candidates)))
        # torch computes without Python's lock, and a worker process that has trained a
        # stack is taken for one that leaks memory, and started anew.
        threads = all(batch.is_stack for batch in batches)
        hints = {"prefer": "threads" if threads else None}
        out = self._run(search, tasks, everyone, context, hints)
        context.call_on_fit_task_end(estimator=self)
        return candidates, out, None

    def _search_context(self, search, n_subtasks, **kwargs):
        kwargs = {"sequential_subtasks": False, **kwargs}
        context = search.root.subcontext(
            task_name="search", max_subtasks=n_subtasks, **kwargs
        )
        return context.call_on_fit_task_begin(estimator=self)

    def _evaluate_rungs(self, search, candidates, tasks):
        """Train all candidates for some epochs, the best of them on, and so forth."""
        rungs = self._make_rungs(candidates, tasks)
        context = self._search_context(search, len(rungs), sequential_subtasks=True)
        self.n_candidates_ = [rung.n_candidates for rung in rungs]
        self.n_resources_ = [rung.n_resources for rung in rungs]
        self.n_iterations_ = len(rungs)
        # Threads, because a training that is gone on with stays where it is.
        hints = {"require": "sharedmem"}
        alive, rows, out = list(range(len(candidates))), [], []
        more = {"iter": [], "n_resources": []}
        for number, rung in enumerate(rungs):
            inner = context.subcontext(
                task_name="halving-iteration",
                max_subtasks=len(alive) * self.n_splits_,
                sequential_subtasks=False,
            ).call_on_fit_task_begin(estimator=self)
            until = None if number == len(rungs) - 1 else rung.n_resources
            found = self._run(search, tasks, alive, inner, hints, until)
            inner.call_on_fit_task_end(estimator=self)
            rows += [candidates[c] for c in alive]
            out += found
            more["iter"] += [number] * len(alive)
            more["n_resources"] += [rung.n_resources] * len(alive)
            if until is not None:
                scores = self._mean_scores(found)
                n_kept = rungs[number + 1].n_candidates
                kept = best_candidates(alive, scores, n_kept)
                for task in tasks:
                    task.drop(set(alive) - set(kept))
                alive = kept
        context.call_on_fit_task_end(estimator=self)
        return rows, out, more

    def _make_rungs(self, candidates, tasks):
        for task in tasks:
            if task.batch.is_alone:
                raise ValueError(
                    "halving goes on training networks of skomics, but candidate "
                    f"{task.params[0]} of {type(self.estimator).__name__} is none that "
                    "can be paused. Set halving=None, or use scikit-learn's "
                    "HalvingGridSearchCV(resource='max_epochs')."
                )
        searched = {name.split("__")[-1] for one in candidates for name in one}
        if "max_epochs" in searched:
            raise ValueError(
                "halving shares out the epochs, but max_epochs is among the parameters "
                "that are searched. Set it on the estimator."
            )
        n_epochs = most_epochs(tasks)
        return make_rungs(len(candidates), n_epochs, *read_halving(self.halving))

    def _mean_scores(self, found):
        """Return the mean score over folds of each candidate of a rung."""
        scores = [result["test_scores"] for result in found]
        if isinstance(scores[0], dict):
            if not isinstance(self.refit, str):
                raise ValueError(
                    "halving with several scores goes by that of refit, but got "
                    f"refit={self.refit!r}. Give one of {sorted(scores[0])}."
                )
            scores = [score[self.refit] for score in scores]
        return np.reshape(scores, (-1, self.n_splits_)).mean(axis=1)

    def _run(self, search, tasks, alive, context, hints, until=None):
        """Run all tasks; return the results candidate by candidate, fold by fold."""
        n_splits = self.n_splits_
        if self.verbose > 0:
            print(
                f"Fitting {n_splits} folds for each of {len(alive)} candidates, "
                f"totalling {len(alive) * n_splits} fits"
            )
        # Made ahead, because they cannot be while they are sent to workers.
        contexts = {
            (c, s): context.subcontext(
                task_name="candidate-split-evaluation", task_id=i * n_splits + s
            )
            for i, c in enumerate(alive)
            for s in range(n_splits)
        }
        work = []
        for task in tasks:
            own = {
                c: contexts[c, task.number] for c in task.batch.members if c in alive
            }
            if own:
                work.append((task, own))
        done = run_parallel(
            _run_task,
            work,
            shared=(search.X, search.y, until),
            n_jobs=self.n_jobs,
            pre_dispatch=self.pre_dispatch,
            **hints,
        )
        results = {
            (c, task.number): result
            for (task, _), found in zip(work, done, strict=True)
            for c, result in found.items()
        }
        out = [results[c, s] for c in alive for s in range(n_splits)]
        _warn_or_raise_about_fit_failures(out, self.error_score)
        if callable(self.scoring):
            _insert_error_scores(out, self.error_score)
        return out

    def _plan(self, candidates):
        most = _MAX_BATCH if self.max_batch == "auto" else self.max_batch
        n_jobs = effective_n_jobs(self.n_jobs)
        if self.max_batch == "auto" and n_jobs > 1:
            n_fits = len(candidates) * self.n_splits_
            most = max(1, min(most, -(-n_fits // (_BATCHES_PER_JOB * n_jobs))))
        if has_callbacks(self) and wants_fitted_estimator(self):
            if self.halving is None:
                return [Batch([c], is_alone=True) for c in range(len(candidates))]
        return plan_batches(self.estimator, candidates, most)

    def _tasks(self, search, candidates, batches):
        """Return what there is to do: each batch, in each fold."""
        return [
            Task(
                estimator=clone(search.estimator),
                batch=batch,
                params=[candidates[c] for c in batch.members],
                number=number,
                split=split,
                sizes=(len(candidates), self.n_splits_),
                kwargs=search.kwargs,
                pauses=self.halving is not None,
            )
            for batch, (number, split) in product(batches, enumerate(search.splits))
        ]

    def _check_metrics(self, search, out):
        """Tell whether there are several scores, and which one counts."""
        first = out[0]["test_scores"]
        self.multimetric_ = isinstance(first, dict)
        if callable(self.scoring) and self.multimetric_:
            check_search_refit(self, first)
            return self.refit
        return search.refit_metric

    def _choose(self, results, refit_metric):
        """Choose the best candidate, with halving of those that were trained whole."""
        if not self.refit and self.multimetric_:
            return
        if self.halving is not None and not callable(self.refit):
            scores = results[f"mean_test_{refit_metric}"]
            last = np.flatnonzero(results["iter"] == results["iter"].max())
            best = np.argmax(np.nan_to_num(scores[last], nan=-np.inf))
            self.best_index_ = int(last[best])
        else:
            self.best_index_ = best_search_index(self, refit_metric, results)
        if not callable(self.refit):
            scores = results[f"mean_test_{refit_metric}"]
            self.best_score_ = scores[self.best_index_]
        self.best_params_ = results["params"][self.best_index_]

    def _refit(self, search):
        """Fit the best candidate to all samples."""
        best = clone(search.estimator).set_params(
            **clone(self.best_params_, safe=False)
        )
        self.best_estimator_ = best
        context = search.root.subcontext(task_name="refit-with-best-params")
        with context.propagate_callback_context(best):
            context.call_on_fit_task_begin(**search.told)
            start = time.perf_counter()
            given = (search.X,) if search.y is None else (search.X, search.y)
            best.fit(*given, **search.routed.estimator.fit)
        self.refit_time_ = time.perf_counter() - start
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_
        search.end(context)


@dataclass(frozen=True)
class _Search:
    """What is the same for all candidates."""

    X: object
    y: object
    estimator: object
    scorers: object
    refit_metric: str
    splits: list
    kwargs: dict
    routed: object
    root: object
    told: dict

    def end(self, context):
        """Tell callbacks that a task is done."""
        context.call_on_fit_task_end(**self.told)


def _has_draws(space):
    """Tell whether a value of a space is a distribution."""
    spaces = [space] if isinstance(space, Mapping) else space
    return any(hasattr(value, "rvs") for one in spaces for value in one.values())


def _run_task(X, y, until, task, contexts):
    """Run a task, with what all tasks have in common first."""
    return task.run(X, y, contexts, until)
