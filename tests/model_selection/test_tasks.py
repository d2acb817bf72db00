"""What a worker does in one piece."""

import pickle

import numpy as np
from sklearn.metrics import check_scoring

from skomics import SMAClassifier
from skomics.datasets import make_intersim
from skomics.model_selection._batches import plan_batches
from skomics.model_selection._tasks import Task, most_epochs
from tests.estimators.quick import QUICK

X, Y = make_intersim(n_samples=30, n_clusters=3, random_state=0)
X = X.iloc[:, ::8]
SMA = SMAClassifier(**QUICK["SMAClassifier"], device="cpu", random_state=0)


def make(params, **settings):
    (batch,) = plan_batches(SMA, params, 16)
    rows = np.arange(30)
    kwargs = {
        "scorer": check_scoring(SMA),
        "fit_params": {},
        "score_params": {},
        "verbose": 0,
        "return_times": True,
    }
    return Task(
        estimator=SMA,
        batch=batch,
        params=params,
        number=0,
        split=(rows[:20], rows[20:]),
        sizes=(len(params), 1),
        kwargs=kwargs,
        **settings,
    )


def test_time_of_a_fit_is_its_share_and_no_model_is_kept():
    task = make([{"lr": 1e-3, "max_epochs": 3}, {"lr": 3e-3, "max_epochs": 3}])
    results = task.run(X, Y, {0: None, 1: None})
    assert sorted(results) == [0, 1]
    assert all(result["fit_time"] > 0 for result in results.values())
    assert task.fits is None
    assert "estimator" not in results[0]


def test_task_travels_to_a_worker():
    task = make([{"lr": 1e-3, "max_epochs": 3}])
    again = pickle.loads(pickle.dumps(task))
    scores = [one.run(X, Y, {0: None})[0]["test_scores"] for one in (task, again)]
    assert scores[0] == scores[1]


def test_task_that_pauses_keeps_its_training_and_scores_who_is_asked_for():
    task = make([{"lr": 1e-3}, {"lr": 3e-3}], pauses=True)
    task.run(X, Y, {0: None, 1: None}, until=2)
    task.drop({0})
    assert list(task.run(X, Y, {1: None}, until=4)) == [1]
    assert task.fits.fitted(1).n_iter_ == 4


def test_epochs_are_counted_as_a_fit_counts_them():
    task = make([{"max_epochs": "auto"}])
    assert most_epochs([task]) == 50
    assert most_epochs([make([{"max_epochs": 7}])]) == 7
