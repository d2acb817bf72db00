"""Names of features as other programs write them."""

import numpy as np
import pandas as pd
import pytest

from skomics import OmicsConcatenator
from skomics._feature_names import as_r_writes
from skomics.io import read_omics

WRITTEN = {
    "hsa-let-7a-1": "hsa.let.7a.1",
    "1-methylhistidine": "X1.methylhistidine",
    "HLA-A": "HLA.A",
    "CD3 (epsilon)": "CD3..epsilon.",
    "_a": "X_a",
    ".5s": "X.5s",
    "if": "if.",
    "TP53": "TP53",
    "ENSG00000141510.17": "ENSG00000141510.17",
}


@pytest.mark.parametrize(("name", "written"), WRITTEN.items())
def test_names_are_written_as_make_names_does(name, written):
    assert as_r_writes(name) == written


@pytest.mark.parametrize(
    "names", [list(WRITTEN), list(WRITTEN)[:2], list(WRITTEN)[1:6]]
)
def test_a_table_that_r_has_renamed_is_told_as_such(names):
    fitted = pd.DataFrame(np.eye(4, len(names)), columns=names)
    renamed = fitted.rename(columns=WRITTEN)
    concatenator = OmicsConcatenator().fit({"rna": fitted})
    message = r"are those of fit as R writes them, e\.g\. .*check\.names=FALSE"
    with pytest.raises(ValueError, match=message):
        concatenator.transform({"rna": renamed})


def test_other_names_are_not_blamed_on_r():
    fitted = pd.DataFrame(np.eye(3), columns=["HLA-A", "b", "c"])
    concatenator = OmicsConcatenator().fit({"rna": fitted})
    with pytest.raises(ValueError, match="lacks 2") as error:
        concatenator.transform({"rna": fitted[["HLA-A"]].assign(x=1.0, y=2.0)})
    assert "as R writes" not in str(error.value)


def test_reading_leaves_the_names_of_r_alone(tmp_path):
    file = tmp_path / "mirna.csv"
    file.write_text("patient_id,hsa.let.7a.1,X1.methylhistidine\np1,1,2\np2,3,4\n")
    assert list(read_omics(file)) == ["hsa.let.7a.1", "X1.methylhistidine"]
