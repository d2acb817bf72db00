"""The examples of the page on feature selection do what they say."""

import doctest

from tests.conftest import REPOSITORY

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def test_examples_of_the_page_give_what_it_shows():
    page = REPOSITORY / "docs" / "feature_selection.md"
    found = doctest.testfile(str(page), module_relative=False, optionflags=FLAGS)
    assert found.attempted > 10
    assert found.failed == 0
