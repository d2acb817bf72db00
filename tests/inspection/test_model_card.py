"""A model card says what is so, says what is not known, and changes nothing."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, recall_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import (
    BlockRidgeClassifier,
    EFNNClassifier,
    MoGCNClassifier,
    OmicsConcatenator,
)
from skomics.benchmark import BenchmarkResults, run_benchmark
from skomics.calibration import SelectiveClassifier
from skomics.datasets import make_intersim
from skomics.exceptions import SampleAlignmentError
from skomics.inspection import ModelCard, model_card
from skomics.model_selection import nested_cross_validate

X, Y = make_intersim(n_samples=90, n_clusters=3, effect=0.5, random_state=0)
NEW_X, NEW_Y = make_intersim(n_samples=60, n_clusters=3, effect=0.5, random_state=0)
KEPT = {"return_indices": True, "return_estimator": True, "cv": 3}


def pipeline(classifier=None, transformer=None):
    transformer = transformer or StandardScaler()
    if classifier is None:
        classifier = BlockRidgeClassifier()
    return make_pipeline(OmicsConcatenator(transformer), classifier)


@pytest.fixture(scope="module")
def model():
    return pipeline().fit(X, Y)


@pytest.fixture(scope="module")
def results(model):
    return cross_validate(model, X, Y, scoring=["accuracy", "f1_macro"], **KEPT)


def part(card, title):
    return next(section for section in card.sections if section.title == title)


def rows(card, title, start):
    """Return the texts of a table whose caption begins so."""
    tables = [p for p in part(card, title).parts if p.kind == "table"]
    table = next(t for t in tables if t.caption.startswith(start))
    return [[cell.text for cell in row] for row in table.rows]


def texts(card, title):
    return " ".join(p.text for p in part(card, title).parts if p.kind == "text")


def test_card_has_its_parts_in_order_and_both_forms_say_the_same(model, results):
    card = model_card(model, results, X=X, y=Y, command="python train.py")
    titles = [section.title for section in card.sections]
    assert titles == [
        *("What it is", "Data", "Scores", "Classes", "Calibration", "Features"),
        *("Limits", "Pipeline", "How it was made"),
    ]
    page, text = card.to_html(), card.to_markdown()
    assert isinstance(card, ModelCard)
    for title in titles:
        assert f"## {title}" in text
        assert f">{title}</h2>" in page
    assert str(card) == text
    assert card._repr_html_() == page


def test_card_of_the_same_model_is_the_same(model, results):
    cards = [model_card(model, results, X=X, y=Y) for _ in range(2)]
    assert cards[0].to_markdown() == cards[1].to_markdown()


def test_data_are_those_of_the_receipt(model):
    lacking = X.copy()
    lacking.loc[lacking.index[:7], "protein"] = np.nan
    chosen = pipeline(transformer=SelectKBest(k=50)).fit(lacking, Y)
    card = model_card(chosen)
    found = rows(card, "Data", "Modalities")
    assert ["protein", "160", "50", "7"] in found
    assert [row[2] for row in found] == ["50", "50", "50"]
    counts = {row[0]: int(row[1]) for row in rows(card, "Data", "Training samples")}
    assert counts == Y.value_counts().to_dict()
    left_out = rows(card, "Data", "Features left out")
    assert ["protein", "SelectKBest(k=50)", "110"] in [row[:3] for row in left_out]
    assert chosen[-1].fit_receipt_["data"] in texts(card, "Data")


def test_samples_that_did_not_count_are_told():
    weights = np.ones(90)
    weights[:4] = 0
    scaled = X.reset_index(drop=True)
    model = BlockRidgeClassifier().fit(scaled, Y.to_numpy(), weights)
    left_out = rows(model_card(model), "Data", "Samples left out")
    assert left_out == [["4", "their sample_weight is 0"]]


def test_scores_have_the_corrected_interval(model, results):
    found = rows(model_card(model, results), "Scores", "Cross-validation, 3 fits")
    assert [row[0] for row in found] == ["accuracy", "f1_macro"]
    assert found[0][1] == f"{results['test_accuracy'].mean():.3f}"
    assert " to " in found[0][2]


def test_scores_without_indices_say_how_to_get_intervals(model):
    plain = cross_validate(model, X, Y, cv=3)
    card = model_card(model, plain)
    ((name, _, interval, _, n_fits),) = rows(card, "Scores", "Cross-validation")
    assert (name, interval, n_fits) == ("score", "–", "3")
    assert "intervals need cross_validate(..., return_indices=True)" in str(card)


def test_classes_and_calibration_are_of_predictions_out_of_fold(model, results):
    card = model_card(model, results, X=X, y=Y)
    proba = cross_val_predict(model, X, Y, cv=3, method="predict_proba")
    calls = model.classes_[proba.argmax(axis=1)]
    recalls = recall_score(Y, calls, average=None)
    found = rows(card, "Classes", "Each class")
    assert [row[2] for row in found] == [f"{recall:.3f}" for recall in recalls]
    said = texts(card, "Calibration")
    assert f"Log loss {log_loss(Y, proba):.3f}" in said
    brier = brier_score_loss(Y, proba, labels=list(model.classes_), scale_by_half=False)
    assert f"Brier score {brier:.3f}" in said
    bins = rows(card, "Calibration", "How often")
    assert sum(int(row[1]) for row in bins) == len(Y)
    shares = sum(int(row[1]) * float(row[3]) for row in bins)
    assert shares / len(Y) == pytest.approx((calls == Y).mean(), abs=1e-3)


def test_without_the_samples_there_is_no_table_of_classes(model, results):
    card = model_card(model, results)
    assert "Classes" not in [section.title for section in card.sections]
    assert "no samples were given" in texts(card, "Features")


def test_test_samples_come_first_and_have_modalities(model, results):
    card = model_card(model, results, X=X, y=Y, test=(NEW_X, NEW_Y))
    captions = [p.caption for p in part(card, "Scores").parts]
    assert captions[0] == "60 test samples, which the model has not seen"
    accuracy = rows(card, "Scores", "60 test")[0]
    assert accuracy[1] == f"{model.score(NEW_X, NEW_Y):.3f}"
    assert {row[0] for row in rows(card, "Modalities", "How much")} == set(
        X.columns.get_level_values(0)
    )
    assert sum(int(row[1]) for row in rows(card, "Classes", "Each class")) == 60
    assert "another hospital" not in texts(card, "Limits")


def test_top_features_are_those_of_the_attributions(model):
    found = rows(model_card(model, X=X, n_top=4), "Features", "First 4")
    assert len(found) == 12
    assert {row[0] for row in found} == set(map(str, model.classes_))


def test_a_model_that_cannot_be_asked_for_features_says_why():
    model = BaggingClassifier(LogisticRegression(), 2, random_state=0)
    card = model_card(model.fit(X.to_numpy(), Y), X=X.to_numpy())
    assert "Not ranked: " in texts(card, "Features")


def test_unknown_things_are_said_to_be_unknown(model):
    card = model_card(model)
    assert "is not known" in texts(card, "Scores")
    assert "give intended_use=" in texts(card, "What it is")


def test_what_only_the_maker_knows_is_taken_over(model):
    card = model_card(
        model,
        title="Subtypes of lung",
        intended_use="For research.",
        limits=["Not for children.", "Not for FFPE."],
        command="python train.py --seed 1",
    )
    text = card.to_markdown()
    assert text.startswith("# Subtypes of lung\n")
    for words in ("For research.", "Not for children.", "FFPE", "--seed 1"):
        assert words in text
    assert "Just one." in model_card(model, limits="Just one.").to_markdown()


def test_limits_follow_from_data_and_scores(model, results):
    few = np.r_[np.flatnonzero(Y == Y.iloc[0])[:5], np.flatnonzero(Y != Y.iloc[0])]
    small = pipeline().fit(X.iloc[few], Y.iloc[few])
    said = texts(model_card(small, results), "Limits")
    assert f"Few training samples: {Y.iloc[0]} (5)." in said
    assert "features for each sample" in said
    assert "another hospital" in said
    perfect = {"test_score": np.ones(3)}
    assert "A score is perfect" in texts(model_card(model, perfect), "Limits")


@pytest.mark.filterwarnings("ignore:inference='transductive'")
def test_answers_that_depend_on_others_are_a_limit():
    model = MoGCNClassifier(
        hidden_layer_sizes=(4,),
        pretrain_epochs=1,
        max_epochs=1,
        inference="transductive",
        random_state=0,
    )
    said = texts(model_card(model.fit(X, Y)), "Limits")
    assert "depends on which other samples" in said


def test_a_search_says_that_its_score_is_no_estimate():
    search = GridSearchCV(
        pipeline(), {"blockridgeclassifier__n_folds": [3, 5]}, cv=3
    ).fit(X, Y)
    card = model_card(search)
    assert "chosen among 2 candidates" in texts(card, "Scores")
    assert "no estimate" in texts(card, "Scores")
    assert rows(card, "Data", "Modalities")


@pytest.mark.parametrize("kind", ["selective", "calibrated", "frozen"])
def test_models_inside_others_are_found(kind):
    inner = pipeline()
    model = {
        "selective": SelectiveClassifier(inner, coverage=0.8),
        "calibrated": CalibratedClassifierCV(inner, ensemble=False),
        "frozen": CalibratedClassifierCV(FrozenEstimator(pipeline().fit(X, Y))),
    }[kind].fit(X, Y)
    card = model_card(model, X=X, n_top=2)
    assert type(model).__name__ in texts(card, "What it is")
    assert rows(card, "Data", "Modalities")
    assert len(rows(card, "Features", "First 2")) == 6
    assert card.title == "BlockRidgeClassifier"


def test_a_call_that_is_left_open_is_not_counted_as_a_class():
    model = SelectiveClassifier(pipeline(), coverage=0.5).fit(X, Y)
    card = model_card(model, test=(X, Y))
    n_called = pd.Series(model.predict(X)).isin(model.classes_).sum()
    scores = dict(row[:2] for row in rows(card, "Scores", "90 test"))
    assert scores["share called"] == f"{n_called / 90:.3f}"
    assert "accuracy of the calls" in scores
    assert sum(int(row[1]) for row in rows(card, "Classes", "Each class")) == n_called


def test_a_classifier_of_scikit_learn_has_a_card_too():
    forest = pipeline(RandomForestClassifier(3, random_state=0)).fit(X, Y)
    assert rows(model_card(forest), "Data", "Modalities")
    alone = LogisticRegression(max_iter=50).fit(X.to_numpy()[:, :5], Y)
    card = model_card(alone)
    assert "does not record what it was fitted to" in texts(card, "Data")
    assert "python" in card.to_markdown()


def test_seed_device_and_digests_are_on_the_card():
    model = EFNNClassifier(max_epochs=2, random_state=3, device="cpu").fit(X, Y)
    receipt = model.fit_receipt_
    found = dict(rows(model_card(model), "How it was made", "Fit"))
    assert found["seed of EFNNClassifier"] == str(receipt["seed"])
    assert found["digest of what EFNNClassifier learned"] == receipt["learned"]
    assert found["torch"] == receipt["versions"]["torch"]


def test_names_are_never_markup(results):
    odd = X.copy()
    odd.columns = pd.MultiIndex.from_tuples(
        [(omics, f"<b>{name}|*") for omics, name in X.columns]
    )
    labels = Y.map(lambda label: f"<script>{label}")
    card = model_card(pipeline().fit(odd, labels), X=odd, title="<i>|", n_top=2)
    page = card.to_html()
    page = page[: page.index(">Pipeline</h2>")]
    assert "<b>cg" not in page
    assert "<script>subtype" not in page
    assert "<title>&lt;i&gt;|</title>" in page
    assert r"&lt;script&gt;subtype\_1" in card.to_markdown() or (
        "&lt;script&gt;subtype_1" in card.to_markdown()
    )


def test_the_page_fetches_nothing(model):
    page = model_card(model).to_html()
    assert re.findall(r"(?:src|srcset)=|@import|url\((?!#|[\"']?data:)", page) == []
    assert re.findall(r"<link\b", page) == []


def test_a_card_is_written_in_both_forms(model, tmp_path):
    card = model_card(model)
    assert card.save(tmp_path / "card.md").read_text("utf-8") == card.to_markdown()
    assert card.save(str(tmp_path / "CARD.HTML")).read_text("utf-8") == card.to_html()


def test_a_card_in_another_format_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match=r"'card.pdf', but .* \(.md\) or HTML"):
        model_card(model).save(tmp_path / "card.pdf")
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_not_fitted_has_no_card():
    with pytest.raises(NotFittedError):
        model_card(pipeline())


@pytest.mark.parametrize("bad", [[0.5, 0.6], {"fit_time": [1]}, "text"])
def test_results_of_another_form_are_refused(model, bad):
    with pytest.raises(TypeError, match="what cross_validate returns, or rows of"):
        model_card(model, bad)


def test_unknown_classes_of_test_samples_are_refused(model):
    with pytest.raises(ValueError, match=r"classes that the model does not know: \['x"):
        model_card(model, test=(X, Y.replace(Y.iloc[0], "x")))


@pytest.fixture(scope="module")
def rows_of_the_benchmark():
    return run_benchmark(
        {"mine": (X, Y)},
        {"ridge": pipeline(), "other": pipeline()},
        n_folds=3,
        n_repeats=1,
    )


def test_rows_of_the_benchmark_are_read(model, rows_of_the_benchmark):
    found = rows_of_the_benchmark
    chosen = found[found["model"] == "ridge"]
    for given in (chosen, BenchmarkResults(chosen)):
        card = model_card(model, given)
        scores = dict(row[:2] for row in rows(card, "Scores", "skomics.benchmark"))
        assert scores["f1_macro"] == f"{chosen['f1_macro'].mean():.3f}"
        assert "seed" not in scores
        total = sum(int(row[1]) for row in rows(card, "Classes", "Each class"))
        assert total == chosen["n_test"].sum()


def test_rows_of_several_models_are_refused(model, rows_of_the_benchmark):
    with pytest.raises(ValueError, match="2 values of model, .* a card is of one"):
        model_card(model, rows_of_the_benchmark)


def test_rows_without_a_finished_fit_are_refused(model, rows_of_the_benchmark):
    failed = rows_of_the_benchmark[:1].assign(status="error")
    with pytest.raises(ValueError, match="hold no finished fit"):
        model_card(model, failed)


def test_a_call_is_compared_whole_where_labels_are_short():
    # An array of "A" only holds texts of one letter, to which "AB" would be cut.
    names = np.array(["A", "AB", "ABC"])[np.unique(Y, return_inverse=True)[1]]
    model = pipeline().fit(X, names)
    is_other = names != "A"
    wrong = np.array(["A"] * is_other.sum())
    card = model_card(model, test=(X[is_other], wrong))
    assert rows(card, "Scores", "60 test")[0][:2] == ["accuracy", "0.000"]
    assert rows(card, "Classes", "Calls")[0][1:] == ["0", "30", "30"]


def test_digits_are_no_numbers():
    codes = np.unique(Y, return_inverse=True)[1]
    with pytest.raises(ValueError, match="classes that the model does not know"):
        model_card(pipeline().fit(X, codes), test=(X, codes.astype(str)))


def test_labels_in_another_order_than_the_samples_are_refused(model, results):
    named = X.set_axis([f"p{i}" for i in range(len(X))])
    y = Y.set_axis(named.index)
    with pytest.raises(SampleAlignmentError, match="ids of X in another order"):
        model_card(model, results, X=named, y=y[::-1])


def test_samples_that_are_not_those_of_the_folds_are_refused(model, results):
    with pytest.raises(ValueError, match="X has 50 samples, but the cross-validation"):
        model_card(model, results, X=X[:50], y=Y[:50])
    with pytest.raises(ValueError, match="samples of X have classes that the model"):
        model_card(model, results, X=X, y=Y.replace(Y.iloc[0], "x"))


def test_what_nested_validation_returned_is_taken_whole(model):
    found = nested_cross_validate(
        pipeline(),
        X,
        Y,
        param_grid={"blockridgeclassifier__n_folds": [3]},
        outer_cv=3,
        return_estimator=True,
    )
    card = model_card(model, found, X=X, y=Y)
    assert rows(card, "Scores", "Nested cross-validation, 3 fits")
    assert rows(card, "Classes", "Calls")


def test_a_table_of_another_kind_is_refused(model):
    with pytest.raises(TypeError, match=r"without the columns \['task', 'model'"):
        model_card(model, pd.DataFrame({"test_score": [0.5]}))


def test_a_model_that_is_no_classifier_has_no_card():
    with pytest.raises(TypeError, match="Got a StandardScaler without classes_"):
        model_card(StandardScaler().fit(X))
    search = GridSearchCV(LogisticRegression(), {"C": [1]}, cv=2, refit=False)
    with pytest.raises(TypeError, match="search with refit"):
        model_card(search.fit(X.to_numpy(), Y))


def test_test_samples_without_labels_are_refused(model):
    with pytest.raises(TypeError, match=r"Give test=\(X_test, y_test\)"):
        model_card(model, test=X)


def test_a_score_that_failed_in_a_fold_has_no_mean_and_says_so(model, results):
    broken = {**results, "test_f1_macro": np.array([np.nan, 0.5, 0.6])}
    card = model_card(model, broken)
    caption = "Cross-validation, 3 fits; 1 of them failed to be scored by f1_macro"
    whole, failed = rows(card, "Scores", caption)
    assert whole == rows(model_card(model, results), "Scores", "Cross")[0]
    assert failed == ["f1_macro", "–", "–", "–", "2"]
    everything = {**broken, "test_accuracy": np.full(3, np.nan)}
    found = rows(model_card(model, everything), "Scores", "Cross-validation, 3 fits; 3")
    assert [row[1] for row in found] == ["–", "–"]
