"""What the tests of readers share."""

import gzip

import pytest


@pytest.fixture
def save(tmp_path):
    """Write text or bytes to a file, packed where its name says so."""

    def save(text, name="table.csv"):
        opener = gzip.open if name.endswith(".gz") else open
        with opener(tmp_path / name, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return save
