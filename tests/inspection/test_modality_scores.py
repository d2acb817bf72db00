import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import EFNNClassifier, OmicsConcatenator
from skomics.inspection import score_by_modality_pattern
from tests.conftest import SIZES, make_tiny


class Oracle(DummyClassifier):
    """Guess right for the first samples and the first class for the others."""

    def predict(self, X):
        guesses = np.array(self.answers_)
        guesses[self.n_right_ :] = np.unique(self.answers_)[0]
        return guesses


@pytest.fixture
def case():
    X, y = make_tiny(30)
    for omics, rows in (("rna", slice(20, 30)), ("mirna", slice(25, 30))):
        X.loc[X.index[rows], X.columns.str.startswith(omics)] = np.nan
    model = Oracle().fit(X, y)
    model.answers_, model.n_right_ = y.to_numpy(), 23
    return model, X, y


def test_report_scores_each_set_of_omics_apart(case):
    model, X, y = case
    report = score_by_modality_pattern(model, X, y)
    both = "methylation + mirna"
    assert list(report.index) == [
        "rna + methylation + mirna",
        both,
        "methylation",
        "all samples",
    ]
    assert report["n_samples"].tolist() == [20, 5, 5, 30]
    np.testing.assert_allclose(report["share"], [20 / 30, 5 / 30, 5 / 30, 1])
    guesses = model.predict(X)
    for name, rows in {both: slice(20, 25), "all samples": slice(0, 30)}.items():
        truth, guess = y[rows], guesses[rows]
        assert report.loc[name, "accuracy"] == np.mean(truth == guess)
        expected = balanced_accuracy_score(truth, guess)
        assert report.loc[name, "balanced_accuracy"] == pytest.approx(expected)
        expected = f1_score(
            truth, guess, average="macro", labels=np.unique(y), zero_division=0
        )
        assert report.loc[name, "f1_macro"] == pytest.approx(expected)
    assert report.loc["rna + methylation + mirna", "accuracy"] == 1.0


def test_report_reads_what_a_pipeline_reads():
    X, y = make_tiny(30)
    X.columns = pd.MultiIndex.from_tuples([c.split("__") for c in X.columns])
    X.loc[X.index[::5], "rna"] = np.nan
    pipeline = make_pipeline(
        OmicsConcatenator(StandardScaler()),
        EFNNClassifier(hidden_layer_sizes=(8,), max_epochs=5, random_state=0),
    ).fit(X, y)
    report = score_by_modality_pattern(pipeline, X, y)
    assert report.loc["methylation + mirna", "n_samples"] == 6
    assert report.loc["all samples", "accuracy"] == pipeline.score(X, y)
    tables = {omics: X[omics] for omics in SIZES}
    pd.testing.assert_frame_equal(
        score_by_modality_pattern(pipeline, tables, y), report
    )


def test_report_of_an_array_takes_the_sizes_of_the_omics(case):
    model, X, y = case
    sizes = {"rna": 12, "methylation": 7, "mirna": 5}
    report = score_by_modality_pattern(model, X.to_numpy(), y, omics=sizes)
    pd.testing.assert_frame_equal(report, score_by_modality_pattern(model, X, y))
    whole = score_by_modality_pattern(model, X.fillna(0.0).to_numpy(), y)
    assert whole["n_samples"].tolist() == [30, 30]


def test_error_if_samples_and_labels_differ_in_number(case):
    model, X, y = case
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        score_by_modality_pattern(model, X, y[:-1])
