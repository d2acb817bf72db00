"""The fetchers read what the hosts serve, here a local server with their layouts."""

import gzip
import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skomics.datasets import (
    _registry,
    fetch_acgt,
    fetch_mogonet,
    fetch_momix_single_cell,
    fetch_xena,
)
from tests.datasets.http_server import serve

pytest.importorskip("pooch")

IDS = ["TCGA.AA.0001.01", "TCGA.AA.0002.01", "TCGA.AA.0003.11"]


def as_acgt(features, ids):
    """Write a table as R's write.table does in the benchmark."""
    rows = [" ".join(f'"{i}"' for i in ids)]
    rows += [
        " ".join([f'"{f}"', *(str(10 * i + j) for j in range(len(ids)))])
        for i, f in enumerate(features)
    ]
    return "\n".join(rows) + "\n"


def as_zip(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # dated 1980, not now
    return buffer.getvalue()


CLINICAL = "sampleID\tPAM50\tage\n" + "".join(
    f"TCGA-AA-{i:04d}-01\t{label}\t{60 + i}\n"
    for i, label in enumerate(["LumB", "LumA", "", "Her2"])
)
SURVIVAL = '"PatientID"\t"Survival"\t"Death"\n"TCGA-AA-0001-01"\t"28"\t"0"\n'
BREAST = {
    "exp": as_acgt(["TP53", "EGFR"], IDS),
    "methy": as_acgt(["cg1"], IDS[::-1]),
    "mirna": as_acgt(["hsa.let.7a.1"], IDS),
    "survival": SURVIVAL,
}
XENA = {
    "HiSeqV2": "sample\tTCGA-AA-0001-01\tTCGA-AA-0002-01\nTP53\t1\t2\nEGFR\t3\t\n",
    "RPPA": "Sample_description\tTCGA-AA-0002-01\nAKT\t5\n",
}
MOGONET = {"labels_tr.csv": "4.0\n0.0\n", "labels_te.csv": "2.0\n"}
for i in (1, 2, 3):
    MOGONET |= {
        f"{i}_tr.csv": f"{i},0.5\n{i},0.25\n",
        f"{i}_te.csv": f"{i},1.0\n",
        f"{i}_featname.csv": f"a{i}\nb{i}\n",
    }


def ascii_rds(values, rows, columns):
    """Write a matrix as R's saveRDS(ascii=TRUE) does; each item is on a line."""
    words = ["A", "2", "197888", "131840", "526", len(rows) * len(columns)]
    words += [*np.ravel(values, order="F"), "1026", "1", "262153", "3", "dim"]
    words += ["13", "2", len(rows), len(columns)]
    words += ["1026", "1", "262153", "8", "dimnames", "19", "2"]
    for names in (rows, columns):
        words += ["16", len(names)]
        words += [item for name in names for item in ("262153", len(name), name)]
    return ("\n".join(map(str, [*words, "254"])) + "\n").encode()


@pytest.fixture
def host(monkeypatch):
    """Serve all sets from this machine, under the names of the real hosts."""
    files = {
        "/acgt/breast.zip": as_zip({f"breast/{k}": v for k, v in BREAST.items()}),
        "/acgt/clinical.zip": as_zip(
            {"clinical/": "", "clinical/breast": CLINICAL, "clinical/aml": "x"}
        ),
        "/xena/TCGA.BRCA.sampleMap/BRCA_clinicalMatrix": CLINICAL.encode(),
    }
    files |= {
        f"/xena/TCGA.BRCA.sampleMap/{k}.gz": gzip.compress(v.encode())
        for k, v in XENA.items()
    }
    files |= {f"/mogonet/BRCA/{k}": v.encode() for k, v in MOGONET.items()}
    with serve(files) as server:
        for name in ("ACGT", "XENA", "XENA_MIRROR", "MOGONET", "MOMIX"):
            monkeypatch.setattr(
                _registry, f"{name}_URL", f"{server.url}/{name.lower()}"
            )
        yield server


def test_a_cancer_of_the_acgt_benchmark_is_read(host, tmp_path):
    cohort = fetch_acgt("breast", data_home=tmp_path)
    assert cohort.data.index.to_list() == [
        "TCGA-AA-0001-01",
        "TCGA-AA-0002-01",
        "TCGA-AA-0003-11",
    ]
    assert cohort.data.columns.to_list() == [
        ("expression", "TP53"),
        ("expression", "EGFR"),
        ("methylation", "cg1"),
        ("mirna", "hsa.let.7a.1"),
    ]
    assert cohort.data[("methylation", "cg1")].to_list() == [2.0, 1.0, 0.0]
    assert cohort.target is None
    assert set(cohort.tables) == {"expression", "methylation", "mirna"}
    assert cohort.survival.loc["TCGA-AA-0001-01", "Survival"] == 28
    assert cohort.clinical.loc["TCGA-AA-0003-01", "PAM50"] == "Her2"
    assert "10.1093/nar/gky889" in cohort.DESCR


def test_a_clinical_column_is_the_target_of_those_that_have_it(host, tmp_path):
    X, y = fetch_acgt(
        "breast", target_column="PAM50", data_home=tmp_path, return_X_y=True
    )
    assert y.to_dict() == {"TCGA-AA-0001-01": "LumA"}
    assert X.index.equals(y.index)


CLINICAL_WORDS = (
    "sampleID\tER\tgrade\n"
    "TCGA-AA-0001-01\tPositive\t2\n"
    "TCGA-AA-0002-01\t[Not Evaluated]\t[Unknown]\n"
    "TCGA-AA-0003-11\tIndeterminate\t\n"
)


def fetch_words(host, tmp_path, source, **options):
    """Fetch a set whose clinical data say in words that there is no value."""
    host.files["/acgt/clinical.zip"] = as_zip({"clinical/breast": CLINICAL_WORDS})
    place = "/xena/TCGA.BRCA.sampleMap/BRCA_clinicalMatrix"
    host.files[place] = CLINICAL_WORDS.encode()
    options |= {"data_home": tmp_path, "return_X_y": True}
    if source == "acgt":
        return fetch_acgt("breast", **options)
    return fetch_xena("BRCA", datasets={"expression": "HiSeqV2"}, **options)


@pytest.mark.parametrize("source", ["acgt", "xena"])
def test_a_word_for_no_value_is_no_target(host, tmp_path, source):
    with pytest.warns(
        UserWarning, match=r"target_column='ER' .*'\[Not Evaluated\]' \(1"
    ):
        X, y = fetch_words(host, tmp_path, source, target_column="ER")
    assert y.to_dict() == {"TCGA-AA-0001-01": "Positive"}
    assert X.index.equals(y.index)


@pytest.mark.parametrize("source", ["acgt", "xena"])
def test_a_word_can_be_kept_as_target(host, tmp_path, source):
    options = {"target_column": "ER", "missing_values": ["indeterminate"]}
    if source == "xena":  # which has two samples here
        _, y = fetch_words(host, tmp_path, source, **options)
        assert y.to_list() == ["Positive", "[Not Evaluated]"]
        return
    with pytest.warns(UserWarning, match=r"'Indeterminate' \(1\)"):
        _, y = fetch_words(host, tmp_path, source, **options)
    assert y.to_list() == ["Positive", "[Not Evaluated]"]


@pytest.mark.parametrize("source", ["acgt", "xena"])
def test_a_target_of_numbers_beside_words_is_of_numbers(host, tmp_path, source):
    with pytest.warns(UserWarning, match=r"'\[Unknown\]' \(1\)"):
        _, y = fetch_words(host, tmp_path, source, target_column="grade")
    assert y.to_list() == [2]
    assert pd.api.types.is_numeric_dtype(y.dtype)


@pytest.mark.parametrize("source", ["acgt", "xena"])
def test_words_that_are_no_list_are_refused(host, tmp_path, source):
    with pytest.raises(ValueError, match="Got missing_values='Unknown', but it must"):
        fetch_words(host, tmp_path, source, missing_values="Unknown")


def test_an_unknown_clinical_column_is_refused(host, tmp_path):
    with pytest.raises(
        ValueError, match="target_column='stage', .* columns are 'PAM50'"
    ):
        fetch_acgt("breast", target_column="stage", data_home=tmp_path)


def test_what_was_fetched_is_read_without_the_host(host, tmp_path):
    first = fetch_acgt("breast", data_home=tmp_path)
    n_requests = len(host.requests)
    again = fetch_acgt("breast", data_home=tmp_path, download_if_missing=False)
    pd.testing.assert_frame_equal(first.data, again.data)
    assert len(host.requests) == n_requests


def test_the_cache_is_where_the_environment_says(host, tmp_path, monkeypatch):
    monkeypatch.setenv("SKOMICS_HOME", str(tmp_path / "home"))
    fetch_acgt("breast")
    assert (tmp_path / "home" / "acgt" / "breast.zip").is_file()


def test_without_download_the_error_says_where_to_put_the_file(host, tmp_path):
    with pytest.raises(OSError, match=r"breast\.zip' is not there .* by hand"):
        fetch_acgt("breast", data_home=tmp_path, download_if_missing=False)


@pytest.mark.parametrize("name", ["../../exp", "/abs/exp", "c/d/exp"])
def test_no_member_of_an_archive_leaves_the_folder(host, tmp_path, name):
    files = {name if k == "exp" else k: v for k, v in BREAST.items()}
    host.files["/acgt/breast.zip"] = as_zip(files)
    assert fetch_acgt("breast", data_home=tmp_path / "home").data.shape == (3, 4)
    names = {f.name for f in tmp_path.rglob("*") if f.is_file()}
    names = {name for name in names if not name.endswith(".lock")}
    assert names <= {"breast.zip", "clinical.zip"} | {
        "breast.zip.sha256",
        "clinical.zip.sha256",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"moved", "breast.zip cannot be read as zip"),
        (as_zip({"exp": "x"}), "breast.zip cannot be read as zip: it holds 0 files"),
        (as_zip(BREAST)[:-40], "breast.zip cannot be read as zip"),
        (as_zip(BREAST | {"exp": '"a"\n"TP53" x\n'}), "exp has 'x' in line 2"),
    ],
)
def test_a_damaged_archive_is_refused_by_name(host, tmp_path, content, message):
    host.files["/acgt/breast.zip"] = content
    with pytest.raises(ValueError, match=message):
        fetch_acgt("breast", data_home=tmp_path)


def test_a_cohort_of_xena_is_read(host, tmp_path):
    datasets = {"expression": "HiSeqV2", "protein": "RPPA"}
    cohort = fetch_xena(
        "BRCA", datasets=datasets, target_column="age", data_home=tmp_path
    )
    assert cohort.data.columns.to_list() == [
        ("expression", "TP53"),
        ("expression", "EGFR"),
        ("protein", "AKT"),
    ]
    assert cohort.data.index.to_list() == ["TCGA-AA-0002-01"]
    assert cohort.target.to_list() == [62]
    assert len(cohort.tables["expression"]) == 2


def test_a_data_set_that_a_cohort_lacks_is_named(host, tmp_path):
    with pytest.raises(
        OSError, match=r"Could not download .*/miRNA_HiSeq_gene\.gz: 404"
    ):
        fetch_xena("BRCA", data_home=tmp_path)


def test_a_cohort_of_xena_is_read_from_the_storage_where_the_hub_fails(host, tmp_path):
    datasets = {"expression": "HiSeqV2"}
    for path in [path for path in host.files if path.startswith("/xena/")]:
        folder, file = path.removeprefix("/xena/").split("/")
        host.files[f"/xena_mirror/{folder}%2F{file}"] = host.files.pop(path)
    cohort = fetch_xena("BRCA", datasets=datasets, data_home=tmp_path)
    assert len(cohort.data) == 2


def test_files_that_cannot_change_are_pinned():
    files = [
        file
        for name in _registry.MOGONET_CLASSES
        for file in _registry.mogonet_set(name).files.values()
    ]
    assert sum(file.sha256 is not None for file in files) == 5
    assert sum(file.size is not None for file in files) == 6
    for file in (*files, *_registry.momix_set().files.values()):
        assert re.search("/[0-9a-f]{40}/", file.url), f"{file.url} may change"


def test_mogonet_is_read_with_its_split(host, tmp_path):
    data = fetch_mogonet("BRCA", data_home=tmp_path)
    assert data.data.columns.to_list()[::2] == [
        ("mrna", "a1"),
        ("methylation", "a2"),
        ("mirna", "a3"),
    ]
    assert data.target.to_dict() == {
        "tr000": "Luminal B",
        "tr001": "Normal-like",
        "te000": "HER2-enriched",
    }
    assert data.is_test.tolist() == [False, False, True]
    X, y = fetch_mogonet("BRCA", data_home=tmp_path, return_X_y=True)
    assert X.index.equals(y.index)


def test_the_single_cell_set_of_momix_stays_sparse(host, tmp_path):
    pytest.importorskip("anndata")
    rdata = pytest.importorskip("rdata")
    cells = ["c2", "c1", "c3"]
    metadata = {"cell": cells, "celltype": ["HCT", "Hela", "K562"]}
    metadata = pd.DataFrame(metadata, dtype=object)  # rdata 1.1 writes no `str`
    rdata.write_rds(tmp_path / "metadata.rds", metadata)
    host.files["/momix/CellLines_metadata.RDS"] = (
        tmp_path / "metadata.rds"
    ).read_bytes()
    rna, atac = np.arange(6.0).reshape(2, 3), np.eye(3)
    host.files["/momix/CellLines_RNAseqCounts.RDS"] = ascii_rds(
        rna, ["ENSG1", "ENSG2"], ["c1", "c2", "c3"]
    )
    host.files["/momix/CellLines_ATACseqCounts.RDS"] = ascii_rds(
        atac, ["peak1", "peak2", "peak3"], ["x1", "x2", "x3"]
    )
    data = fetch_momix_single_cell(data_home=tmp_path / "home")
    assert sparse.issparse(data.data.X)
    assert data.target.to_dict() == {"c2": "HCT", "c1": "Hela", "c3": "K562"}
    assert data.data.obs_names.to_list() == cells
    np.testing.assert_array_equal(
        data.data.X.toarray(),
        np.hstack([rna.T[[1, 0, 2]], np.eye(3)]),
    )
    assert data.data.var["omics"].to_list() == ["rna"] * 2 + ["atac"] * 3


@pytest.mark.parametrize(
    ("fetch", "name", "message"),
    [
        (fetch_acgt, "brest", "cancer='brest', but it must be one of aml, breast"),
        (fetch_xena, "breast", "cohort='breast', but it must be one of ACC, BLCA"),
        (fetch_mogonet, "KIPAN", "name='KIPAN', but it must be one of BRCA, ROSMAP"),
    ],
)
def test_unknown_sets_are_refused(fetch, name, message):
    with pytest.raises(ValueError, match=message):
        fetch(name)


@pytest.mark.parametrize(
    "remote",
    [
        *map(_registry.acgt_set, _registry.ACGT_CANCERS),
        *map(_registry.xena_set, _registry.XENA_COHORTS),
        *map(_registry.mogonet_set, _registry.MOGONET_CLASSES),
        _registry.momix_set(),
    ],
    ids=lambda remote: remote.title,
)
def test_every_set_states_its_source_terms_and_citation(remote):
    assert remote.license
    assert "doi 10." in remote.citation
    paths = [file.path for file in remote.files.values()]
    assert len(set(paths)) == len(paths)
    assert all(file.url in remote.description for file in remote.files.values())


def test_fitting_downloads_nothing():
    """Nothing that is fitted, or that is fitted with, knows a fetcher."""
    from tests.conftest import REPOSITORY

    package = REPOSITORY / "skomics"
    users = {
        file
        for file in package.rglob("*.py")
        if "datasets._cache" in file.read_text() or "fetch_" in file.read_text()
    }
    parts = {file.relative_to(package).parts[0] for file in users}
    assert parts <= {"datasets", "benchmark", "_cli"}
