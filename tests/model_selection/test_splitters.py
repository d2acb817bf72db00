"""Promises of the splitters."""

import numpy as np
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB

from skomics import load_model, save_model
from skomics.model_selection import CappedStratifiedKFold, RepeatedStratifiedGroupKFold

FEW = pytest.mark.filterwarnings("ignore:CappedStratifiedKFold makes:UserWarning")
GROUPS = np.repeat(np.arange(16), 3)


def as_lists(splits):
    return [(train.tolist(), test.tolist()) for train, test in splits]


@given(
    counts=st.lists(st.integers(2, 9), min_size=2, max_size=4),
    n_splits=st.integers(2, 6),
)
@FEW
def test_each_capped_fold_tests_every_class_and_each_sample_once(counts, n_splits):
    y = np.repeat(np.arange(len(counts)), counts)
    folds = CappedStratifiedKFold(n_splits, shuffle=True, random_state=0)
    splits = list(folds.split(y, y))
    assert len(splits) == folds.get_n_splits(y=y) == min(n_splits, *counts)
    tests = [test for _, test in splits]
    assert np.array_equal(np.sort(np.concatenate(tests)), np.arange(len(y)))
    assert all(len(set(y[test])) == len(counts) for test in tests)


@pytest.mark.parametrize("settings", [{}, {"shuffle": True, "random_state": 3}])
def test_capped_folds_are_those_of_scikit_learn_where_classes_are_large(tiny, settings):
    X, y = tiny
    ours = CappedStratifiedKFold(4, **settings).split(X, y)
    theirs = StratifiedKFold(4, **settings).split(X, y)
    assert as_lists(ours) == as_lists(theirs)


def test_fewer_folds_are_said_with_the_class_and_its_number():
    y = ["a"] * 8 + ["b"] * 3
    message = "makes 3 folds instead of 5, because class 'b' has 3 samples .* Ask for"
    with pytest.warns(UserWarning, match=message):
        list(CappedStratifiedKFold(5).split(y, y))


def test_a_class_of_one_is_refused():
    y = ["a"] * 8 + ["b"]
    for ask in (
        lambda: list(CappedStratifiedKFold(5).split(y, y)),
        lambda: CappedStratifiedKFold(5).get_n_splits(y=y),
    ):
        with pytest.raises(ValueError, match="got 1 sample of class 'b', .* Merge"):
            ask()


def test_the_number_of_capped_folds_needs_labels():
    with pytest.raises(ValueError, match="got no y, but .* smallest class. Give"):
        CappedStratifiedKFold(5).get_n_splits()


def test_labels_that_are_missing_are_refused():
    with pytest.raises(ValueError, match="y has no label for 1 of 4"):
        CappedStratifiedKFold(2).get_n_splits(y=np.array(["a", "a", "b", None]))


@FEW
def test_capped_folds_work_wherever_scikit_learn_takes_folds(tiny):
    X, y = tiny
    X, y = X[:39], y[:39].mask(np.arange(39) > 35, "Her2")  # three of a fourth class
    folds = CappedStratifiedKFold(5, shuffle=True, random_state=0)
    assert len(cross_validate(GaussianNB(), X, y, cv=folds)["test_score"]) == 3
    assert cross_val_predict(GaussianNB(), X, y, cv=folds).shape == (39,)
    search = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=folds)
    assert search.fit(X, y).n_splits_ == 3


def test_calibration_of_scikit_learn_refuses_capped_folds_as_documented(tiny):
    X, y = tiny
    X, y = X[:39], y[:39].mask(np.arange(39) > 35, "Her2")
    model = CalibratedClassifierCV(GaussianNB(), cv=CappedStratifiedKFold(5))
    with pytest.raises(ValueError, match="less than 5 examples"):
        model.fit(X, y)


@given(st.integers(0, 100))
def test_samples_of_a_group_are_never_in_both_parts_of_a_repeated_fold(seed):
    y = np.arange(48) // 3 % 2
    folds = RepeatedStratifiedGroupKFold(4, n_repeats=2, random_state=seed)
    splits = list(folds.split(y, y, GROUPS))
    assert len(splits) == folds.get_n_splits() == 8
    assert not any(set(GROUPS[a]) & set(GROUPS[b]) for a, b in splits)
    for repeat in (splits[:4], splits[4:]):
        tests = np.concatenate([test for _, test in repeat])
        assert np.array_equal(np.sort(tests), np.arange(48))


def test_repeats_differ_and_a_seed_deals_them_again():
    y = np.arange(48) // 3 % 2
    folds = RepeatedStratifiedGroupKFold(4, n_repeats=2, random_state=0)
    first = as_lists(folds.split(y, y, GROUPS))
    assert first[:4] != first[4:]
    assert as_lists(folds.split(y, y, GROUPS)) == first


def test_each_repeat_is_that_of_the_group_splitter_of_scikit_learn():
    y = np.arange(48) // 3 % 2
    random = np.random.RandomState(5)
    expected = [
        split
        for _ in range(2)
        for split in StratifiedGroupKFold(4, shuffle=True, random_state=random).split(
            y, y, GROUPS
        )
    ]
    folds = RepeatedStratifiedGroupKFold(4, n_repeats=2, random_state=5)
    assert as_lists(folds.split(y, y, GROUPS)) == as_lists(expected)


def test_groups_are_asked_for():
    y = np.arange(48) % 2
    with pytest.raises(ValueError, match="got no groups, .* Give groups="):
        list(RepeatedStratifiedGroupKFold(4).split(y, y))


def test_fewer_groups_than_folds_are_refused():
    y = np.arange(48) % 2
    with pytest.raises(ValueError, match="got 3 groups for 5 folds, .* at most 3"):
        list(RepeatedStratifiedGroupKFold(5).split(y, y, np.arange(48) % 3))


def test_a_class_in_few_groups_is_warned_of():
    y = np.where(GROUPS < 2, "rare", "common")
    with pytest.warns(UserWarning, match="4 folds, but class 'rare' is in 2 groups"):
        list(RepeatedStratifiedGroupKFold(4, n_repeats=1).split(y, y, GROUPS))


@pytest.mark.parametrize("settings", [{"n_splits": 1}, {"n_repeats": 0}])
def test_numbers_that_are_none_are_refused_at_once(settings):
    with pytest.raises(
        ValueError, match="at least one train/test split|greater than 0"
    ):
        RepeatedStratifiedGroupKFold(**settings)


SPLITTERS = [
    CappedStratifiedKFold(3, shuffle=True, random_state=1),
    RepeatedStratifiedGroupKFold(4, n_repeats=2, random_state=1),
]


@pytest.mark.parametrize("folds", SPLITTERS, ids=lambda f: type(f).__name__)
def test_a_splitter_shows_its_settings_and_can_be_copied(folds):
    assert "random_state=1" in repr(folds)
    assert eval(repr(folds)).__dict__ == folds.__dict__
    search = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, cv=folds)
    assert repr(clone(search).cv) == repr(folds)


def test_repr_is_like_that_of_scikit_learn():
    ours, theirs = RepeatedStratifiedGroupKFold(4), RepeatedStratifiedKFold(n_splits=4)
    assert repr(ours) == repr(theirs).replace("StratifiedKFold", "StratifiedGroupKFold")


def test_groups_are_requested_as_by_group_splitters_of_scikit_learn(tiny):
    X, y = tiny
    ours, theirs = RepeatedStratifiedGroupKFold(4), StratifiedGroupKFold(4)
    assert ours.get_metadata_routing().split.requests == {"groups": True}
    assert theirs.get_metadata_routing().split.requests == {"groups": True}
    assert CappedStratifiedKFold().get_metadata_routing().split.requests == {}
    with sklearn.config_context(enable_metadata_routing=True):
        found = cross_validate(
            GaussianNB(),
            X,
            y,
            cv=RepeatedStratifiedGroupKFold(4, n_repeats=2, random_state=0),
            params={"groups": GROUPS},
        )
    assert len(found["test_score"]) == 8


@pytest.mark.parametrize("folds", SPLITTERS, ids=lambda f: type(f).__name__)
def test_a_search_with_a_splitter_is_saved_and_read(tiny, folds, tmp_path):
    X, y = tiny
    groups = GROUPS if "Group" in repr(folds) else None
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=folds)
    search.fit(X, y, groups=groups)
    save_model(search, tmp_path / "search.safetensors")
    read = load_model(tmp_path / "search.safetensors")
    assert repr(read.cv) == repr(folds)
    again = as_lists(read.cv.split(X, y, groups))
    assert again == as_lists(folds.split(X, y, groups))
    assert (read.predict(X) == search.predict(X)).all()


@pytest.mark.parametrize(
    ("y", "groups", "message"),
    [
        (None, GROUPS, "got no y, whose classes it is to spread"),
        (["a", None] * 24, GROUPS, "y has no label for 24 of 48 samples"),
        (["a", "b"] * 24, [None, *"bcdef" * 9, "a", "b"], "got no group for 1 of 48"),
        (["a", "b"] * 24, GROUPS[:-1], "inconsistent numbers of samples"),
    ],
)
def test_labels_and_groups_that_are_missing_are_refused(y, groups, message):
    folds = RepeatedStratifiedGroupKFold(2, n_repeats=1)
    with pytest.raises(ValueError, match=message):
        next(folds.split(np.zeros(48), y, groups))


def test_no_sample_makes_no_folds():
    with pytest.raises(ValueError, match="CappedStratifiedKFold got 0 samples"):
        next(CappedStratifiedKFold(2).split([], []))
