"""What is no text is named, and what a file unpacks to is bounded."""

import bz2
import io
import lzma
import pickle
import tarfile
import zipfile

import pytest

from skomics.io import _source as source_module
from skomics.io import _text as text_module
from skomics.io import load_folder, read_labels, read_omics

# What is bounded, and what is no text.


def test_a_line_without_end_is_refused_before_it_fills_the_memory(save, monkeypatch):
    monkeypatch.setattr(source_module, "_LONGEST", 2**23)
    file = save(b"sample" + b",1" * 2**23, "bomb.csv.gz")
    with pytest.raises(ValueError, match="more than 8,388,608 characters in line 1. A"):
        read_omics(file)


@pytest.mark.parametrize("content", [b"a" * 2**23, b"id,x\n" + b"7" * 2**23])
@pytest.mark.parametrize("read", [read_omics, read_labels])
def test_a_cell_without_end_is_refused(save, content, read):
    file = save(content, "bomb.csv.gz")
    with pytest.raises(
        ValueError, match="4,194,304 characters in line . without a tab"
    ):
        read(file)


@pytest.mark.parametrize("read", [read_omics, read_labels])
def test_rows_empty_lines_and_comments_without_end_are_refused(save, read, monkeypatch):
    file = save(b"id,x\n" + b"\n" * (2**20 + 1), "bomb.csv.gz")
    with pytest.raises(ValueError, match="1,048,577 empty lines up to line 1,048,578"):
        read(file)
    file = save(b"#a,b\n" * (2**18 + 1), "bomb.csv.gz")
    with pytest.raises(ValueError, match="comments up to line 262,145 and no table"):
        read(file)
    monkeypatch.setattr(text_module, "_N_ROWS", 100)
    file = save("id,x\n" + "a,b\n" * 101)
    if read is read_omics:
        file = save("id,x\n" + "a,0\n" * 101)
    with pytest.raises(ValueError, match="more than 100 rows. Get the file again if"):
        read(file)


def test_a_wide_table_is_no_bomb(save):
    names = [f"{'x' * 40}{i}" for i in range(150_000)]
    text = ",".join(["sample", *names]) + "\np1" + ",0" * len(names) + "\n"
    X = read_omics(save(text, "wide.csv.gz"), orientation="samples")
    assert X.shape == (1, 150_000)


@pytest.mark.parametrize("name", ["t.csv", "t.txt", "t.csv.gz"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_byte_order_mark_says_the_encoding(save, name, encoding):
    file = save("patient_id,x\nJos\u00e9,1\n".encode(encoding), name)
    assert read_omics(file).index.to_list() == ["Jos\u00e9"]
    assert read_labels(file).to_dict() == {"Jos\u00e9": 1}


def tar(content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x.csv"), io.BytesIO(b""))
    return buffer.getvalue()


def zipped(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "id,x\na,1\n")
    return buffer.getvalue()


TABLE = b"id,x\na,1\nb,2\n"
BINARIES = {
    "a zip archive .x.csv.*Unpack": zipped("x.csv"),
    "an Excel file .xlsx.*suffix .xlsx": zipped("xl/workbook.xml"),
    "an npz file of numpy": zipped("data.npy"),
    "a bz2 archive.*Unpack": bz2.compress(TABLE),
    "an xz archive.*Unpack": lzma.compress(TABLE),
    "a zstd archive.*Unpack": b"\x28\xb5\x2f\xfd\x24\x0e",
    "a tar archive.*Unpack": tar(TABLE),
    "a parquet file.*suffix .parquet": b"PAR1\x15\x04",
    "an HDF5 file.*h5ad": b"\x89HDF\r\n\x1a\n\0\0",
    "a feather .arrow. file.*parquet": b"ARROW1\0\0",
    "an rds file of R.*write.csv": b"X\n\0\0\0\3\0\4",
    "an RData file of R.*write.csv": b"RDX3\nX\n\0\0",
    "a pickle of Python.*to_csv": pickle.dumps({"a": 1}),
    "an npy array.*savetxt": b"\x93NUMPY\1\0",
    "a PDF document": b"%PDF-1.7\n",
    "an old Excel file .xls.": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "an SQLite database": b"SQLite format 3\0",
    "a file of sequence reads": b"BAM\1",
    "a mat file of Matlab": b"MATLAB 5.0 MAT-file, Platform",
    "a web page .html.*download": b"\n<!DOCTYPE html><html>404</html>",
    "an XML document": b"<?xml version='1.0'?>",
    "a JSON document": b'[{"id": "a", "x": 1}]',
    "a picture": b"\x89PNG\r\n\x1a\n",
    "a pointer of Git LFS.*git lfs pull": b"version https://git-lfs.github.com/spec/v1",
}


@pytest.mark.parametrize("what", BINARIES)
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t.rds", "t.csv.gz"])
@pytest.mark.parametrize("read", [read_omics, read_labels])
def test_what_is_no_text_is_named(save, what, name, read):
    file = save(BINARIES[what], name)
    with pytest.raises(ValueError, match=f"{name} is {what}") as error:
        read(file)
    assert "NUL" not in str(error.value)


def test_a_table_of_a_folder_that_is_no_text_is_named(save):
    save("sample,label\np1,A\np2,B\n", "labels.csv")
    save(BINARIES["a zip archive .x.csv.*Unpack"], "rna.csv")
    with pytest.raises(ValueError, match="rna.csv is a zip archive"):
        load_folder(save(b"", "notes.md").parent)
