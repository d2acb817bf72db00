"""Promises of tables that scikit-learn's searches can take samples of."""

import copy
import pickle

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_consistent_length

from skomics import OmicsConcatenator
from skomics.model_selection._tables import OmicsTables, as_indexable

TABLES = {
    "rna": pd.DataFrame(np.arange(12.0).reshape(6, 2), columns=["a", "b"]),
    "mirna": sparse.csr_array(np.eye(6)),
}


def test_samples_are_counted_and_taken_of_every_table():
    tables = as_indexable(TABLES)
    assert tables.shape == (6, 8)
    check_consistent_length(tables, range(6))
    some = tables.take(np.array([4, 1]))
    assert isinstance(some, OmicsTables)
    assert some["rna"]["a"].to_list() == [8.0, 2.0]
    np.testing.assert_array_equal(some["mirna"].toarray(), np.eye(6)[[4, 1]])


def test_what_is_no_dict_stays_as_it_is():
    X = np.eye(3)
    assert as_indexable(X) is X


def test_a_copy_is_of_the_same_kind():
    tables = as_indexable(TABLES)
    for copied in (copy.deepcopy(tables), pickle.loads(pickle.dumps(tables))):
        assert isinstance(copied, OmicsTables)
        assert copied.shape == (6, 8)


def test_a_search_of_scikit_learn_takes_samples_of_several_tables():
    y = [0, 1, 0, 1, 0, 1]
    model = make_pipeline(OmicsConcatenator(), LogisticRegression())
    search = GridSearchCV(model, {"logisticregression__C": [0.1, 1.0]}, cv=3)
    assert search.fit(as_indexable(TABLES), y).predict(TABLES).shape == (6,)
