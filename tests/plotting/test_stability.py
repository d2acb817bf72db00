"""Promises of StabilityDisplay."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import OmicsConcatenator
from skomics.datasets import make_multiomics
from skomics.feature_selection import StabilitySelector
from skomics.plotting import StabilityDisplay

X, Y = make_multiomics(
    90, {"rna": 40, "protein": 30}, n_informative=3, n_redundant=0, random_state=0
)
SELECTOR = StabilitySelector(n_resamples=10, random_state=0)
MODELS = {
    "selector": SELECTOR,
    "inside": OmicsConcatenator(SELECTOR),
    "inside a pipeline": OmicsConcatenator(make_pipeline(StandardScaler(), SELECTOR)),
    "behind": make_pipeline(OmicsConcatenator(), SELECTOR, LogisticRegression()),
    "behind a scaler": make_pipeline(
        OmicsConcatenator(), StandardScaler().set_output(transform="pandas"), SELECTOR
    ),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_frequencies_are_found_wherever_the_selector_stands(model):
    display = StabilityDisplay.from_estimator(model.fit(X, Y))
    table = display.table
    assert list(table["modality"].unique()) == ["rna", "protein"]
    pairs = list(zip(table["modality"], table["feature"], strict=True))
    assert set(pairs) == set(X.columns)
    for _, part in table.groupby("modality"):
        assert part["frequency"].is_monotonic_decreasing
        enough = part["frequency"] >= part["threshold"] - 1e-9
        np.testing.assert_array_equal(part["selected"], enough)
    assert table["selected"].any()


def test_frequency_is_that_of_its_feature():
    fitted = SELECTOR.fit(X, Y)
    table = StabilityDisplay.from_estimator(fitted).table
    names = table["modality"] + "__" + table["feature"]
    found = dict(zip(names, table["frequency"], strict=True))
    expected = dict(
        zip(fitted.feature_names_in_, fitted.selection_frequencies_, strict=True)
    )
    assert found == expected


def test_features_without_names_have_numbers():
    fitted = SELECTOR.fit(X.to_numpy(), Y)
    table = StabilityDisplay.from_estimator(fitted).table
    assert set(table["feature"]) == {f"x{i}" for i in range(70)}
    assert set(table["modality"]) == {"omics"}


def sparse_blocks():
    return {name: sparse.csr_array(X[name].to_numpy()) for name in ("rna", "protein")}


def test_names_that_a_sparse_table_has_come_from_the_pipeline():
    model = make_pipeline(OmicsConcatenator(), SELECTOR).fit(sparse_blocks(), Y)
    table = StabilityDisplay.from_estimator(model).table
    assert table["modality"].value_counts().to_dict() == {"rna": 40, "protein": 30}
    with pytest.raises(ValueError, match="The modality of 'x0' is not known"):
        StabilityDisplay.from_estimator(model[-1])


def test_estimator_without_a_selector_is_refused():
    model = make_pipeline(OmicsConcatenator(), LogisticRegression()).fit(X, Y)
    with pytest.raises(ValueError, match="Pipeline has no StabilitySelector"):
        StabilityDisplay.from_estimator(model)


def table(n=4, name="gene"):
    return pd.DataFrame(
        {
            "modality": np.repeat(["rna", "protein"], n),
            "feature": [f"{name}{i}" for i in range(2 * n)],
            "frequency": np.tile(np.linspace(1, 0.4, n), 2),
            "threshold": 0.7,
            "selected": np.tile(np.linspace(1, 0.4, n) >= 0.7, 2),
        }
    )


def test_dots_are_frequencies_and_lines_thresholds(pyplot):
    display = StabilityDisplay(table())
    assert display.plot() is display
    dots, line, *_ = display.ax_.collections
    np.testing.assert_allclose(dots.get_offsets()[:, 0], np.linspace(1, 0.4, 4))
    assert (line.get_segments()[0][:, 0] == 0.7).all()
    filled = dots.get_facecolors()[:, 3] > 0
    assert filled.tolist() == [True, True, False, False]
    assert display.figure_.get_size_inches()[0] == pytest.approx(85 / 25.4)


def test_as_many_features_of_each_modality_are_shown_as_asked(pyplot):
    ax = StabilityDisplay(table()).plot(n_features=2).ax_
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["gene0", "gene1", "gene4", "gene5"]


@pytest.mark.parametrize("name", ["hsa-mir-" * 10, "cg" + "0" * 60, "Ω" * 40])
def test_long_names_are_cut_in_the_middle_and_fit_the_figure(name, pyplot):
    display = StabilityDisplay(table(name=name)).plot()
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert max(map(len, labels)) <= 24
    assert all("…" in label for label in labels)
    display.figure_.canvas.draw()
    width = display.figure_.bbox.width
    assert display.ax_.get_window_extent().width > 0.3 * width


def test_one_modality_needs_no_legend(pyplot):
    one = table()[:4]
    assert StabilityDisplay(one).plot().ax_.get_legend() is None
    assert StabilityDisplay(table()).plot().ax_.get_legend() is not None


def test_display_draws_on_given_axes(pyplot):
    ax = pyplot.subplots()[1]
    display = StabilityDisplay(table()).plot(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert len(pyplot.get_fignums()) == 1


def test_table_that_lacks_a_column_is_refused():
    with pytest.raises(ValueError, match=r"no columns \['threshold'\]"):
        StabilityDisplay(table().drop(columns="threshold")).plot()
