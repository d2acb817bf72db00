"""scikit-learn's own checks over every public estimator, none excused."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skomics import OmicsConcatenator
from skomics.testing import all_estimators
from tests.estimators.quick import TRANSFORMERS, quick_estimators

__all__ = ["TRANSFORMERS", "quick_estimators"]  # other files import them from here


# The checks hand over plain arrays and tables without omics names; that models
# of several modalities then warn is tested in tests/estimators/test_base.py.
@pytest.mark.filterwarnings("ignore::skomics.exceptions.NamelessOmicsWarning")
# Some of the checks' labels have no relation to the features.
@pytest.mark.filterwarnings("ignore:No feature", "ignore:level=.* controls nothing")
# They have classes of few samples, too, which every set holds.
@pytest.mark.filterwarnings("ignore:Classes .* have as few as")
# check_class_weight_classifiers and others ask for labels that do not exist.
@parametrize_with_checks(list(quick_estimators()))
def test_scikit_learn_check(estimator, check):
    check(estimator)


def test_every_public_estimator_is_checked():
    checked = {type(estimator) for estimator in quick_estimators()}
    assert checked == {estimator for _, estimator in all_estimators()}
    assert OmicsConcatenator in checked
