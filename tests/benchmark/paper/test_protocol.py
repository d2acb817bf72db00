"""Promises of the published procedure."""

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB

from skomics._blocks import take_rows
from skomics.benchmark import ModelSpec, Task, run_benchmark
from skomics.benchmark.paper._protocol import PaperProtocol

PAPER, SEEN = PaperProtocol(), {}


class Spy(DummyClassifier):
    def fit(self, X, y):
        SEEN["train"] = X
        return super().fit(X, y)

    def predict(self, X):
        SEEN["test"] = X
        return super().predict(X)


def make_spy(random_state):
    return Spy()


def test_paper_protocol_scores_the_published_fold(tiny):
    X, y = tiny
    task = Task("t", X, y)
    folds = StratifiedKFold(4, shuffle=True, random_state=1)
    expected = next(folds.split(X, y))
    for got, positions in zip(PAPER.split(task, 4, 0, 99), expected, strict=True):
        np.testing.assert_array_equal(got, positions)
    results = run_benchmark(
        task, {"b": GaussianNB()}, protocol="as_published", n_repeats=3
    )
    assert results[["protocol", "repeat", "fold", "n_test"]].to_numpy().tolist() == [
        ["as_published", 0, 0, 12]
    ]


def test_paper_protocol_scales_by_the_maximum_over_all_samples(tiny):
    X, y = tiny
    SEEN.clear()
    task = Task("t", X, y)
    run_benchmark(task, ModelSpec("spy", make_spy), protocol="as_published", n_jobs=1)
    scaled = X / X.abs().max()
    for part, positions in zip(
        ("train", "test"), PAPER.split(task, 4, 0, 0), strict=True
    ):
        np.testing.assert_allclose(SEEN[part], scaled.iloc[positions])


def test_paper_protocol_takes_classes_of_two_samples_without_a_word(tiny):
    X, _ = tiny
    y = ["rare"] * 2 + ["common"] * 46
    results = run_benchmark({"t": (X, y)}, {"b": GaussianNB()}, protocol="as_published")
    assert results["n_test"].to_list() == [12]


def test_paper_protocol_averages_over_classes_in_truth_or_prediction(tiny):
    X, _ = tiny
    y = np.array(["r", "s", "t"] * 2 + ["a", "b"] * 21)
    task = Task("t", X, y)
    train, test = PAPER.split(task, 4, 0, 0)
    guess = DummyClassifier().fit(take_rows(X, train), y[train]).predict(X.iloc[test])
    kept = {"protocol": "as_published", "n_jobs": 1}
    (f1,) = run_benchmark(task, {"d": DummyClassifier()}, **kept)["f1_macro"]
    assert set(y[test]) < set(y)
    assert f1 == f1_score(y[test], guess, average="macro", zero_division=0)
