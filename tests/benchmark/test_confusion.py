"""Scores that are read off a confusion matrix."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import balanced_accuracy_score, matthews_corrcoef

from skomics.benchmark import BenchmarkResults, read_results, summarize
from skomics.benchmark._confusion import fill_scores, score_confusion
from skomics.benchmark._results import COLUMNS
from tests.benchmark.test_store import make_row
from tests.conftest import REPOSITORY

MATRIX = [[5, 1], [2, 2]]
EXPECTED = {"balanced_accuracy": 2 / 3, "mcc": 0.356348}
COUNTS = st.integers(2, 5).flatmap(
    lambda n: arrays(np.int64, (n, n), elements=st.integers(0, 30))
)


@given(COUNTS)
def test_scores_of_a_confusion_are_those_of_scikit_learn(counts):
    """Classes may be absent among the true ones, the predicted ones, or both."""
    counts[0, -1] += 1
    places = np.repeat(np.arange(counts.size), counts.ravel())
    y_true, y_pred = np.unravel_index(places, counts.shape)
    found = score_confusion(counts)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true")
        expected = balanced_accuracy_score(y_true, y_pred)
    assert found["balanced_accuracy"] == pytest.approx(expected, abs=1e-12)
    assert found["mcc"] == pytest.approx(matthews_corrcoef(y_true, y_pred), abs=1e-12)


def test_older_rows_get_the_scores_of_their_confusion_and_keep_those_they_have():
    frame = pd.DataFrame({"confusion": [json.dumps(MATRIX), "", None]})
    filled = fill_scores(frame)
    assert filled.loc[0, list(EXPECTED)].to_dict() == pytest.approx(EXPECTED, abs=1e-6)
    assert filled.loc[1:, [*EXPECTED, "roc_auc"]].isna().all(axis=None)
    assert list(frame) == ["confusion"]
    kept = fill_scores(frame.assign(mcc=[0.5, "", ""], roc_auc=0.7))
    assert kept.loc[0, "mcc"] == 0.5
    assert kept.loc[0, "balanced_accuracy"] == pytest.approx(2 / 3)
    assert set(kept["roc_auc"]) == {0.7}


def test_csv_files_of_earlier_versions_have_the_scores_but_auc(tmp_path):
    file = tmp_path / "results.csv"
    new = [*EXPECTED, "roc_auc"]
    old = pd.DataFrame([make_row(confusion=json.dumps(MATRIX))]).drop(columns=new)
    old.to_csv(file, index=False)
    read = read_results(file)
    assert tuple(read.columns) == COLUMNS
    assert read.loc[0, list(EXPECTED)].to_dict() == pytest.approx(EXPECTED, abs=1e-6)
    assert read["roc_auc"].isna().all()
    means = summarize(pd.read_csv(file)).iloc[0]
    assert means["balanced_accuracy_mean"] == pytest.approx(2 / 3)
    assert np.isnan(means["roc_auc_mean"])


def test_stored_results_of_the_docs_have_the_scores_but_auc():
    pytest.importorskip("pyarrow")
    path = REPOSITORY / "docs" / "results" / "simulated.parquet"
    stored = pd.read_parquet(path)
    assert not set(EXPECTED) & set(stored)
    read = read_results(path)
    assert read[list(EXPECTED)].notna().all(axis=None)
    assert read["roc_auc"].isna().all()
    kept = list(stored)
    pd.testing.assert_frame_equal(read[kept], stored[kept])


def test_an_older_table_without_auc_is_told_to_have_no_such_score():
    results = BenchmarkResults(pd.DataFrame([make_row(mcc=0.5)]))
    assert results.has_scores("mcc")
    assert not results.has_scores("roc_auc")
    with pytest.raises(ValueError, match="None of the 1 rows has a score 'roc_auc'"):
        results.rows_with("roc_auc")
