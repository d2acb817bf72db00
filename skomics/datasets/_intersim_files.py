"""InterSIM's parameters from csv files, or from the R package's own."""

import tarfile
from io import BytesIO

import pandas as pd

from skomics._optional import import_optional
from skomics.datasets._intersim_parameters import COVARIANCES, MAPS, MEANS, VECTORS

__all__ = ["read_csv", "read_r_data"]

# Field of IntersimReference -> file of the R package's parameter tables.
_FILES = {
    **{name: name for name in VECTORS},
    **{name: name for name in COVARIANCES},
    "cpg_gene_map": "CpG_gene_map_for_DEG",
    "protein_gene_map": "protein_gene_map_for_DEP",
}


def read_csv(path):
    """Return the parameters of a folder, by field of IntersimReference."""
    files = _find_tables(path)
    tables = {name: pd.read_csv(file, index_col=0) for name, file in files.items()}
    parts = {name: tables[name] for name in COVARIANCES}
    parts |= {name: tables[name].iloc[:, 0] for name in VECTORS}
    return parts | {name: tables[name]["gene"] for name in MAPS}


def read_r_data(path):
    """Return the parameters of the R package, by field of IntersimReference."""
    objects = _read_r_objects(path)
    tables = {name: _r_table(objects[_r_name(name)]) for name in _FILES}
    names = {
        axis: _r_names(tables[MEANS[axis]], tables[name])
        for name, axis in COVARIANCES.items()
    }
    parts = {
        name: pd.DataFrame(tables[name].to_numpy(), names[axis], names[axis])
        for name, axis in COVARIANCES.items()
    }
    return parts | {
        name: _r_vector(tables[name], names[axis], is_map=name in MAPS)
        for name, axis in VECTORS.items()
    }


def _find_tables(path):
    files, missing = {}, []
    for name, stem in _FILES.items():
        found = [
            f for f in (path / f"{stem}.csv.gz", path / f"{stem}.csv") if f.exists()
        ]
        if found:
            files[name] = found[0]
        else:
            missing.append(f"{stem}.csv.gz")
    if missing:
        raise FileNotFoundError(
            f"{path} lacks {len(missing)} of the {len(_FILES)} parameter tables: "
            f"{', '.join(missing)}. Put them there, or use "
            "IntersimReference.synthetic()."
        )
    return files


def _r_name(name):
    """Return the name of a parameter in the R package: cov_M is called cov.M."""
    return _FILES[name].replace("_", ".")


def _read_r_objects(path):
    """Return the R objects of a package by name."""
    rdata = import_optional("rdata", extra="data")
    objects = {}
    for content in _open_r_files(path):
        objects |= rdata.read_rda(content)
    missing = [n for n in map(_r_name, _FILES) if n not in objects]
    if missing:
        raise FileNotFoundError(
            f"{path} lacks {len(missing)} of the {len(_FILES)} objects of the R "
            f"package InterSIM: {', '.join(missing)}. Give the package's source "
            "(InterSIM_<version>.tar.gz), or the folder of its .rda files."
        )
    return objects


def _open_r_files(path):
    """Yield the .rda files of a folder, or of the folder data in an archive."""
    if path.is_dir():
        folder = path / "data" if (path / "data").is_dir() else path
        for file in sorted(folder.glob("*.rda")):
            yield BytesIO(file.read_bytes())
        return
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file or folder {str(path)!r}. Give the source of the R "
            "package InterSIM as a .tar.gz, or a folder of its .rda files."
        )
    try:
        with tarfile.open(path) as archive:
            for member in archive.getmembers():
                if member.isfile() and member.name.endswith(".rda"):
                    yield BytesIO(archive.extractfile(member).read())
    except tarfile.TarError as error:
        raise ValueError(
            f"{path} cannot be read as an archive ({error}). Give the source of the R "
            "package InterSIM as a .tar.gz, or a folder of its .rda files."
        ) from error


def _r_table(value):
    """Return a vector, matrix or data frame of R as a DataFrame."""
    value = value.to_pandas() if hasattr(value, "to_pandas") else value
    table = pd.DataFrame(value)
    return table.rename_axis(index=None, columns=None)


def _r_names(mean, covariance):
    """Return the names of features: R need not have given them to both objects."""
    for names in (mean.index, covariance.index, covariance.columns):
        if pd.api.types.is_string_dtype(names):
            return names
    raise ValueError(
        "The means and covariances of the R objects bear no feature names. Give the "
        "objects of the R package InterSIM as they are."
    )


def _r_vector(table, names, *, is_map):
    vector = table["gene"].astype(str) if is_map else table.iloc[:, -1].astype(float)
    is_named = pd.api.types.is_string_dtype(vector.index)
    return vector if is_named else vector.set_axis(names)
