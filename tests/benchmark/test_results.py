"""The table of results and its parts, each of which is taken once."""

import itertools

import pandas as pd
import pytest

from skomics.benchmark import (
    BenchmarkResults,
    check_permutation_control,
    friedman_nemenyi,
    learning_curves,
    make_report,
    modality_ablation,
    pairwise_tests,
    posthoc_tests,
    rank_models,
    score_intervals,
    sum_confusion,
    summarize_calibration,
    win_tie_loss,
)
from skomics.benchmark._results import METRICS, PLAIN, results_frame
from tests.benchmark.report.tables import MODELS, make_results

VARIANTS = list(
    itertools.product(
        ["leakage_free", "as_published"], [0.5, 1.0], ["all", "rna"], [True, False]
    )
)


@pytest.fixture
def mixed():
    """One row of each protocol, training share, choice of omics and control."""
    names = ["protocol", "train_fraction", "omics", "is_control"]
    rows = pd.DataFrame(VARIANTS, columns=names)
    return BenchmarkResults(rows.assign(task="t", model="m", label="M", f1_macro=0.5))


def variants_of(rows):
    names = ["protocol", "train_fraction", "omics", "is_control"]
    return set(rows[names].itertuples(index=False, name=None))


def test_each_part_has_the_rows_it_is_named_after(mixed):
    both = (True, False)
    parts = {
        "scored": {("leakage_free", 1.0, "all", c) for c in both},
        "as_published": {("as_published", 1.0, "all", c) for c in both},
        "learning_curves": {
            ("leakage_free", f, "all", c) for f in (0.5, 1.0) for c in both
        },
        "ablation": {("leakage_free", 1.0, o, c) for o in ("all", "rna") for c in both},
    }
    for name, expected in parts.items():
        assert variants_of(getattr(mixed, name)) == expected, name


def test_controls_and_what_is_compared_share_no_row_and_are_all(mixed):
    control, compared = (
        variants_of(part.frame) for part in (mixed.control, mixed.compared)
    )
    assert control | compared == set(VARIANTS)
    assert not control & compared
    assert variants_of(mixed.compared.scored) == {("leakage_free", 1.0, "all", False)}


def test_variants_are_all_rows_each_once(mixed):
    found = mixed.variants()
    assert len(found) == sum(len(rows) for _, rows in found) == len(VARIANTS)
    (is_control, protocol, share, omics), rows = found[0]
    assert variants_of(rows) == {(protocol, share, omics, is_control)}


def test_a_part_is_taken_once(mixed):
    assert mixed.scored is mixed.scored
    assert mixed.compared.scored is mixed.compared.scored
    assert BenchmarkResults.of(mixed) is mixed


def test_a_table_without_variants_is_plain_and_stays_as_it_is():
    frame = pd.DataFrame({"task": ["t", "null-t"], "model": "m", "label": "M"})
    before = frame.copy()
    results = BenchmarkResults(frame)
    assert results.frame[list(PLAIN)].to_dict("records") == [PLAIN, PLAIN]
    assert list(results.frame["is_control"]) == [False, True]
    pd.testing.assert_frame_equal(frame, before)


def test_an_unknown_score_and_a_table_without_any_are_refused(mixed):
    with pytest.raises(ValueError, match="Got metric='auc'. Choose one of"):
        mixed.rows_with("auc")
    nothing = BenchmarkResults(mixed.frame.assign(f1_macro=None))
    assert not nothing.has_scores("f1_macro")
    with pytest.raises(ValueError, match="None of the 16 rows has a score 'f1_macro'"):
        nothing.rows_with("f1_macro")


@pytest.mark.parametrize(
    "function",
    [
        check_permutation_control,
        posthoc_tests,
        pairwise_tests,
        friedman_nemenyi,
        learning_curves,
        modality_ablation,
        rank_models,
        score_intervals,
        sum_confusion,
        summarize_calibration,
        win_tie_loss,
    ],
)
def test_functions_take_results_as_they_take_a_table(function):
    if function is posthoc_tests:
        pytest.importorskip("scikit_posthocs")
    table = results_frame(make_results().to_dict("records"))
    pd.testing.assert_frame_equal(function(BenchmarkResults(table)), function(table))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("function", [pairwise_tests, rank_models, score_intervals])
def test_every_score_can_be_compared_by(function, metric):
    found = function(make_results(), metric)
    assert len(found) > 0
    assert not found.drop(columns="label").isna().all().any()


def test_report_takes_results_as_it_takes_a_table():
    pytest.importorskip("scikit_posthocs")
    table = make_results()
    report = make_report(BenchmarkResults(table), reference=next(iter(MODELS)))
    expected = make_report(table, reference=next(iter(MODELS)))
    assert report.to_markdown() == expected.to_markdown()
