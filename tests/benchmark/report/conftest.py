"""Reports that several tests look at; each takes half a second."""

import numpy as np
import pandas as pd
import pytest

from skomics.benchmark import make_report
from tests.benchmark.report.tables import MODELS, make_results, make_row


@pytest.fixture
def results():
    return make_results()


@pytest.fixture(scope="session")
def report():
    """The report of the same results; each takes half a second."""
    return make_report(make_results())


@pytest.fixture(scope="session")
def rich_results():
    """The same with learning curves, omics left out, the paper's protocol, an error."""
    rng = np.random.default_rng(1)
    more = [
        make_row(rng, "luad", model, fold, **changes)
        for model in MODELS
        for fold in range(5)
        for changes in (
            {"train_fraction": 0.5, "n_train": 40},
            {"omics": "rna"},
            {"omics": "cnv"},
            {"protocol": "as_published"},
        )
    ]
    results = pd.concat([make_results(), pd.DataFrame(more)], ignore_index=True)
    nothing = ["accuracy", "f1_macro", "f1_weighted", "log_loss", "ece", "fit_seconds"]
    results.loc[0, nothing] = np.nan
    results.loc[0, ["status", "error", "confusion"]] = ["error", "ValueError: <u>|", ""]
    results.loc[1, "warnings"] = "UserWarning: slow"
    numbers = [*nothing, "train_fraction"]
    return results.astype(dict.fromkeys(numbers, float))


@pytest.fixture(scope="session")
def rich_report(rich_results):
    return make_report(rich_results, command="run <s> --x")
