"""Files for the tests of the readers."""

import gzip

import pytest
from scipy import sparse

LABELS = "sample,label\np1,LumA\np2,Basal\np3,LumA\n"
RNA = "sample,TP53,EGFR\np1,1.5,2\np2,0.5,3\np3,,4\n"
MIRNA = "sample\tmir21\np3\t9\np1\t7\np2\t8\n"


@pytest.fixture
def write(tmp_path):
    """Write a folder; None leaves a file out."""

    def write(**changes):
        files = {"labels.csv": LABELS, "rna.csv": RNA, "mirna.tsv": MIRNA}
        for name, text in {**files, **changes}.items():
            if text is None:
                continue
            opener = gzip.open if name.endswith(".gz") else open
            with opener(tmp_path / name, "wt", encoding="utf-8") as file:
                file.write(text)
        return tmp_path

    return write


@pytest.fixture
def save(tmp_path):
    """Write a file of text or bytes."""

    def save(text, name="table.csv"):
        opener = gzip.open if name.endswith(".gz") else open
        with opener(tmp_path / name, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return save


@pytest.fixture
def sparse_folder(write):
    """Write a sparse table of two features, and no dense one but mirna."""
    folder = write(**{"rna.csv": None, "atac_features.txt.gz": "peak1\npeak2\n"})
    matrix = sparse.csr_matrix([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]])
    sparse.save_npz(folder / "atac.npz", matrix)
    return folder
