"""Labels: what is missing is said, and what pandas adds is taken away."""

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import BlockRidgeClassifier, EFNNClassifier, OmicsConcatenator
from skomics._validation import check_labels, code_labels, plain_labels, rarest_class
from skomics.inspection import missingness_association, score_by_modality_pattern

IDS = [f"p{i}" for i in range(24)]
RNG = np.random.default_rng(0)
TABLES = {
    name: pd.DataFrame(RNG.normal(size=(24, 5)), index=IDS).add_prefix(name)
    for name in ("rna", "cnv")
}
X = pd.concat(TABLES, axis=1)
TEXT = pd.Series(["a", "b", "c"] * 8, index=IDS, name="subtype")
CODES = pd.Series([0, 1, 2] * 8, index=IDS, name="subtype")


def with_gaps(y, value, dtype=object):
    y = y.astype(object).copy()
    y.iloc[[3, 5]] = value
    return y.astype(dtype)


UNLABELED = {
    "nan": with_gaps(TEXT, np.nan),
    "None": with_gaps(TEXT, None),
    "NA": with_gaps(TEXT, pd.NA),
    "NaT": with_gaps(TEXT, pd.NaT),
    "string": with_gaps(TEXT, pd.NA, "string"),
    "category": with_gaps(TEXT, np.nan, "category"),
    "Int64": with_gaps(CODES, pd.NA, "Int64"),
    "Float64": with_gaps(CODES, pd.NA, "Float64"),
    "float": with_gaps(CODES, np.nan, float),
    "boolean": with_gaps(CODES == 1, pd.NA, "boolean"),
    "array": with_gaps(CODES, np.nan, float).to_numpy(),
    "list": with_gaps(TEXT, None).tolist(),
    "frame": with_gaps(TEXT, None).to_frame(),
    "extension array": with_gaps(TEXT, pd.NA, "string").array,
}
RIDGE = BlockRidgeClassifier()
EFNN = EFNNClassifier(max_epochs=2, random_state=0, device="cpu")
PIPELINE = make_pipeline(OmicsConcatenator(StandardScaler()), RIDGE)
every_unlabeled = pytest.mark.parametrize("y", UNLABELED.values(), ids=UNLABELED)


@every_unlabeled
@pytest.mark.parametrize(
    "fit",
    [
        pytest.param(lambda y: RIDGE.fit(X, y), id="ridge"),
        pytest.param(lambda y: EFNN.fit(X, y), id="network"),
        pytest.param(lambda y: PIPELINE.fit(TABLES, y), id="pipeline"),
        pytest.param(
            lambda y: OmicsConcatenator(SimpleImputer()).fit_transform(X, y),
            id="concat",
        ),
        pytest.param(lambda y: missingness_association(X, y), id="inspection"),
    ],
)
def test_a_label_that_is_missing_is_said_of_y_with_number_place_and_cure(fit, y):
    has_ids = isinstance(y, pd.Series | pd.DataFrame)
    ids = ", e.g. 'p3', 'p5'" if has_ids else ""
    message = f"y has no label for 2 of 24 samples{ids}, the first in row 3.*leave them"
    with pytest.raises(ValueError, match=message):
        fit(y)


@pytest.mark.parametrize("name", ["None", "Int64", "category", "frame"])
def test_answers_are_not_scored_against_labels_that_are_missing(name):
    model = RIDGE.fit(X, TEXT)
    with pytest.raises(ValueError, match="y has no label for 2 of 24 samples"):
        model.score(X, UNLABELED[name])
    with pytest.raises(ValueError, match="y has no label for 2 of 24 samples"):
        score_by_modality_pattern(model, X, UNLABELED[name])


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        (CODES.astype("Int64"), np.int64),
        (CODES.astype("UInt8"), np.uint8),
        (CODES.astype("Float32"), np.float32),
        (CODES.astype("category"), np.int64),
        (CODES.astype("Int64").astype("category"), np.int64),
        ((CODES == 1).astype("boolean"), np.bool_),
        (TEXT.astype("string"), object),
        (TEXT.astype("category"), object),
        (CODES.astype("int16"), np.int16),
        (CODES.astype("int64[pyarrow]"), np.int64),
        (TEXT.astype("string[pyarrow]"), object),
        (CODES.astype("Int64").array, np.int64),
        (pd.Index(CODES.astype("Int64")), np.int64),
    ],
    ids=str,
)
@pytest.mark.parametrize("model", [RIDGE, PIPELINE], ids=["classifier", "pipeline"])
def test_answers_have_the_type_of_the_labels_in_numpy(y, dtype, model):
    model.fit(X, y)
    answers = model.predict(X)
    assert type(answers) is np.ndarray
    assert answers.dtype == model.classes_.dtype == dtype
    assert set(answers) <= set(y)
    assert model.score(X, y) == np.mean(answers == np.asarray(y))


@pytest.mark.parametrize("model", [RIDGE, EFNN, PIPELINE], ids=["a", "b", "pipeline"])
def test_labels_in_a_frame_of_one_column_are_labels(model):
    expected = model.fit(X, TEXT).predict_proba(X)
    model.fit(X, TEXT.to_frame())
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    assert model.score(X, TEXT.to_frame()) == model.score(X, TEXT)


def test_a_frame_of_two_columns_is_not_labels():
    with pytest.raises(ValueError, match="y should be a 1d array"):
        RIDGE.fit(X, pd.DataFrame({"subtype": TEXT, "stage": CODES}))


@pytest.mark.parametrize(
    "y", [[1, 2], np.array(["a", "b"]), TEXT.astype(object), (1.5, 2)], ids=str
)
def test_labels_without_anything_of_pandas_are_left_as_they_are(y):
    assert plain_labels(y) is y
    assert check_labels(y) is y


@pytest.mark.parametrize("word", ["[Not Available]", "Not Reported", "'--", "unknown"])
@pytest.mark.parametrize("model", [RIDGE, PIPELINE], ids=["classifier", "pipeline"])
def test_classes_that_say_that_there_is_no_label_are_warned_of(model, word):
    y = TEXT.replace("c", word)
    message = r"y has classes that say that there is no label: .*\(8\)"
    with pytest.warns(UserWarning, match=message):
        model.fit(X, y)
    assert word in model.classes_


def test_minus_beside_plus_is_a_class():
    RIDGE.fit(X, TEXT.replace({"a": "+", "b": "-", "c": "+"}))


def test_the_rarest_class_is_that_of_the_fewest_samples_or_groups():
    y = ["a"] * 5 + ["b"] * 4 + ["c"] * 4
    assert rarest_class(y) == ("b", 4)
    groups = [1, 1, 1, 2, 2, 1, 2, 3, 4, 5, 5, 5, 5]
    assert rarest_class(y, groups) == ("c", 1)


@pytest.mark.parametrize("dtype", [str, object])
def test_labels_are_coded_by_their_place_among_the_classes(dtype):
    labels = np.array(["c", "a", "x"], dtype=dtype)
    assert code_labels(labels, np.array(["a", "b", "c"], dtype=dtype)).tolist() == [
        2,
        0,
        -1,
    ]
    assert code_labels([3, 1], np.array([1, 3])).tolist() == [1, 0]
    assert code_labels(np.array(["1"]), np.array([1, 3])).tolist() == [-1]
    assert code_labels(np.array(["AB"]), np.array(["A"])).tolist() == [-1]
