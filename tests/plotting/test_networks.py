"""Pictures of fitted networks: training, embedding, attention."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import KernelPCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import OmicsConcatenator, SMAClassifier
from skomics.calibration import SelectiveClassifier
from skomics.datasets import make_intersim
from skomics.exceptions import SampleAlignmentError
from skomics.plotting import AttentionDisplay, EmbeddingDisplay, TrainingCurveDisplay

X, Y = make_intersim(n_samples=90, n_clusters=3, effect=0.5, random_state=0)


@pytest.fixture(scope="module")
def model():
    network = SMAClassifier(
        max_epochs=6, early_stopping=True, random_state=0, device="cpu"
    )
    steps = OmicsConcatenator(StandardScaler()), network
    return make_pipeline(*steps).fit(X[:60], Y[:60])


def test_curves_are_the_losses_of_the_history(model, pyplot):
    display = TrainingCurveDisplay.from_estimator(model)
    history = model[-1].history_
    train, valid, best = display.ax_.lines
    np.testing.assert_allclose(train.get_ydata(), history["train_loss"])
    np.testing.assert_allclose(valid.get_ydata(), history["valid_loss"])
    assert best.get_xdata()[0] == history["epoch"][history["valid_loss"].idxmin()]


def test_a_history_without_validation_has_one_curve(model, pyplot):
    history = model[-1].history_.drop(columns="valid_loss")
    assert len(TrainingCurveDisplay(history).plot().ax_.lines) == 1


def test_each_class_has_a_mark_and_new_samples_lie_on_top(model, pyplot):
    display = EmbeddingDisplay.from_estimator(model, X[:60], Y[:60], X_new=X[60:])
    *classes, new = display.ax_.lines
    assert [line.get_label() for line in classes] == sorted(set(Y))
    assert len({line.get_marker() for line in classes}) == 3
    assert len(new.get_xdata()) == 30
    assert sum(len(line.get_xdata()) for line in classes) == 60
    assert display.ax_.get_xlabel().startswith("PC1 (")
    alone = EmbeddingDisplay.from_estimator(model, X[:60], Y[:60])
    np.testing.assert_allclose(
        alone.ax_.lines[0].get_xdata(), classes[0].get_xdata(), atol=1e-9
    )


def test_other_reducers_and_models_without_embedding_are_taken(pyplot):
    steps = OmicsConcatenator(StandardScaler()), LogisticRegression()
    model = make_pipeline(*steps).fit(X, Y)
    display = EmbeddingDisplay.from_estimator(model, X, Y, method=KernelPCA(2))
    assert display.ax_.get_xlabel() == "dimension 1"
    with pytest.raises(ValueError, match="method='umap'. It must be 'pca' or a transf"):
        EmbeddingDisplay.from_estimator(model, X, Y, method="umap")


def test_samples_are_drawn_by_their_own_labels(model):
    with pytest.raises(SampleAlignmentError, match="y has the 60 ids of X in another"):
        EmbeddingDisplay.from_estimator(model, X[:60], Y[:60][::-1])
    with pytest.raises(ValueError, match="y has no label for 1 of 60 samples"):
        EmbeddingDisplay.from_estimator(
            model, X[:60], Y[:60].where(Y.index[:60] > Y.index[0])
        )


def test_a_feature_may_be_called_x(pyplot):
    table = X["protein"].rename(columns={"PROT001": "X"})
    display = EmbeddingDisplay.from_estimator(
        LogisticRegression().fit(table, Y), table, Y
    )
    assert sum(len(line.get_xdata()) for line in display.ax_.lines) == 90


def test_attention_is_shown_in_units_of_equal_shares(model, pyplot):
    display = AttentionDisplay.from_estimator(model, X[60:])
    network, Z = model[-1], model[0].transform(X[60:])
    every = ("members", "encoders", "layers", "samples", "heads")
    weights = network.attention(Z, average=every)
    shown = display.ax_.images[0].get_array()
    np.testing.assert_allclose(shown, weights * len(weights))
    names = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert names == list(network.token_names_)


def test_what_a_search_has_chosen_is_drawn_as_by_itself(model, pyplot):
    search = GridSearchCV(model, {"smaclassifier__lr": [1e-3]}, cv=2).fit(X, Y)
    for estimator in (search, SelectiveClassifier(FrozenEstimator(model)).fit(X, Y)):
        inner = getattr(estimator, "best_estimator_", model)
        drawn = EmbeddingDisplay.from_estimator(estimator, X, Y)
        alone = EmbeddingDisplay.from_estimator(inner, X, Y)
        pd.testing.assert_frame_equal(drawn.points, alone.points)
        AttentionDisplay.from_estimator(estimator, X)
        TrainingCurveDisplay.from_estimator(estimator)


def test_models_without_what_is_drawn_are_refused():
    model = LogisticRegression().fit(X["protein"], Y)
    with pytest.raises(TypeError, match="LogisticRegression has no history_, which is"):
        TrainingCurveDisplay.from_estimator(model)
    with pytest.raises(TypeError, match="LogisticRegression has no attention, which i"):
        AttentionDisplay.from_estimator(model, X["protein"])


DISPLAYS = [TrainingCurveDisplay, AttentionDisplay, EmbeddingDisplay]


@pytest.mark.parametrize("cls", DISPLAYS)
def test_displays_draw_on_given_axes(model, pyplot, cls):
    ax = pyplot.subplots()[1]
    given = {
        TrainingCurveDisplay: (model,),
        AttentionDisplay: (model, X),
        EmbeddingDisplay: (model, X, Y),
    }[cls]
    display = cls.from_estimator(*given, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
