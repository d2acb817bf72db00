"""Promises of the protocols."""

import numpy as np
import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB

from skomics.benchmark import ModelSpec, Task, run_benchmark
from skomics.benchmark._protocols import PROTOCOLS, choose_training_part
from skomics.benchmark._tasks import external_task

HONEST = PROTOCOLS["leakage_free"]


def test_samples_of_a_group_are_never_in_both_parts(tiny):
    X, y = tiny
    groups = np.arange(48) // 6
    task = Task("t", X, y, groups=groups)
    assert HONEST.plan(task, 4, 1) == (4, 1)
    for fold in range(4):
        train, test = HONEST.split(task, 4, fold, 0)
        assert not set(groups[train]) & set(groups[test])
        assert len(train) + len(test) == 48


def test_a_class_in_few_groups_reduces_the_folds(tiny):
    X, y = tiny
    groups = np.where(y == "Basal", np.arange(48) // 3 % 3, np.arange(48))
    with pytest.warns(UserWarning, match="'Basal' has 3 groups and every fold needs"):
        assert HONEST.plan(Task("t", X, y, groups=groups), 5, 2) == (3, 2)


def test_a_class_in_a_single_group_is_refused(tiny):
    X, y = tiny
    task = Task("t", X, y, groups=y)
    with pytest.raises(ValueError, match="'Basal' of task 't' is in 1 of the groups"):
        HONEST.plan(task, 5, 2)


def test_another_cohort_is_the_only_test_set(tiny):
    X, y = tiny
    first, second = Task("a", X[:30], y[:30]), Task("b", X[30:], y[30:])
    task = external_task(first, second)
    results = run_benchmark(task, {"bayes": GaussianNB()}, n_repeats=2)
    assert results["task"].to_list() == ["a-on-b"] * 2
    assert set(results["n_train"]) == {30}
    assert set(results["n_test"]) == {18}
    expected = (
        ModelSpec("bayes", lambda random_state: GaussianNB())
        .build(first, 0)
        .fit(first.X, first.y)
        .score(second.X, second.y)
    )
    assert results["accuracy"].to_list() == pytest.approx([expected] * 2)


def test_smaller_training_parts_are_in_larger_ones_and_have_every_class():
    y = np.repeat(["a", "b", "c"], [50, 20, 3])
    parts = [choose_training_part(y, share, 0) for share in (0.2, 0.5, 1.0)]
    assert [len(part) for part in parts] == [10 + 4 + 1, 25 + 10 + 2, 73]
    assert set(parts[0]) < set(parts[1]) < set(parts[2])
    assert all(len(np.unique(y[part])) == 3 for part in parts)
    assert set(choose_training_part(y, 0.2, 1)) != set(parts[0])


def test_learning_curve_has_a_row_per_share_and_the_same_test_samples(tiny):
    results = run_benchmark(
        {"t": tiny}, {"b": GaussianNB()}, n_folds=4, train_fractions=(0.25, 1.0)
    )
    sizes = results.groupby("train_fraction")[["n_train", "n_test"]].first()
    assert sizes.to_numpy().tolist() == [[9, 12], [36, 12]]
    assert len(results) == 2 * 2 * 4


def test_full_share_of_a_learning_curve_is_the_plain_run(tiny):
    options = {"n_folds": 3, "n_repeats": 1}
    plain = run_benchmark({"t": tiny}, "forest", **options)
    curve = run_benchmark({"t": tiny}, "forest", train_fractions=(0.5, 1.0), **options)
    full = curve[curve["train_fraction"] == 1].reset_index(drop=True)
    times = ["fit_seconds", "score_seconds", "peak_memory_mb"]
    pd.testing.assert_frame_equal(plain.drop(columns=times), full.drop(columns=times))


@pytest.mark.parametrize("shares", [(), (0.5, 0.5), (0.0,), (1.5,)])
def test_shares_out_of_range_are_refused(tiny, shares):
    with pytest.raises(ValueError, match="train_fractions=.*above 0 and at most 1"):
        run_benchmark({"t": tiny}, {"b": GaussianNB()}, train_fractions=shares)


def test_an_unknown_protocol_is_refused(tiny):
    with pytest.raises(ValueError, match="protocol='fair', but known are"):
        run_benchmark({"t": tiny}, {"b": GaussianNB()}, protocol="fair")


def test_leaving_omics_out_fits_without_each_in_turn(tiny):
    results = run_benchmark(
        {"t": tiny},
        ["ridge", "best-omics"],
        n_folds=2,
        n_repeats=1,
        leave_omics_out=True,
    )
    assert set(results["error"]) == {""}
    sizes = dict(zip(results["omics"], results["n_features"], strict=True))
    assert sizes == {
        "all": 24,
        "methylation+mirna": 12,
        "rna+mirna": 17,
        "rna+methylation": 19,
    }


def test_a_single_omics_is_not_left_out(tiny):
    X, y = tiny
    X = X.filter(like="rna__")
    X = X.loc[:, X.columns.str.startswith("rna__")]
    task = Task("t", X, y)
    results = run_benchmark(task, "ridge", n_folds=2, leave_omics_out=True)
    assert set(results["omics"]) == {"all"}
