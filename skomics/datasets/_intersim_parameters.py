"""Which parameters InterSIM has, and what their values must be."""

import numpy as np
import pandas as pd

__all__ = [
    "COVARIANCES",
    "MAPS",
    "MEANS",
    "OMICS",
    "VECTORS",
    "check_map",
    "check_parameter",
    "check_rho",
    "mix",
    "read_only",
    "unmix",
]

OMICS = ("methylation", "expression", "protein")

# Which feature names index each parameter.
VECTORS = {
    "mean_M": "cpgs",
    "mean_expr": "genes",
    "mean_protein": "proteins",
    "rho_methyl_expr": "genes",
    "rho_expr_protein": "proteins",
    "cpg_gene_map": "cpgs",
    "protein_gene_map": "proteins",
    "methyl_gene_level_mean": "genes",
}
COVARIANCES = {"cov_M": "cpgs", "cov_expr": "genes", "cov_protein": "proteins"}
MEANS = {"cpgs": "mean_M", "genes": "mean_expr", "proteins": "mean_protein"}
MAPS = ("cpg_gene_map", "protein_gene_map")


def check_parameter(name, value, names):
    wanted = "DataFrame" if name in COVARIANCES else "Series"
    if not isinstance(value, getattr(pd, wanted)):
        raise TypeError(f"{name} is a {type(value).__name__}. Give a pandas {wanted}.")
    if not names.is_unique:
        raise ValueError(f"{name} repeats feature names. Give every feature one name.")
    same = value.index.equals(names)
    if wanted == "DataFrame":
        same = same and value.columns.equals(names)
    if not same:
        raise ValueError(
            f"{name} has shape {value.shape} and its labels are not the {len(names)} "
            f"names {names[0]!r}, {names[-1]!r}, … in this order. Reindex it by them."
        )
    if value.isna().to_numpy().any():
        raise ValueError(f"{name} has missing values. Fill or drop these features.")
    if wanted == "DataFrame" and not np.allclose(value, value.T):
        raise ValueError(f"{name} is not symmetric. Give a covariance matrix.")
    if name.startswith("rho") and value.abs().max() > 1:
        raise ValueError(
            f"{name} reaches {value.abs().max():.3g} in absolute value. Give "
            "correlations between -1 and 1."
        )


def check_rho(name, rho, shape):
    values = np.asarray(rho)
    if values.dtype.kind not in "iuf" or values.shape not in ((), shape):
        raise ValueError(
            f"{name} is {rho!r}. Give a number or an array of shape {shape}, one "
            "correlation per feature."
        )
    if not (np.abs(values) <= 1).all():
        raise ValueError(
            f"{name} holds {np.abs(values).max():.3g} as its largest absolute value. "
            "Give correlations between -1 and 1."
        )
    return np.broadcast_to(values.astype(float), shape)


def mix(rho, parent, own):
    """Mean of a feature that has the correlation rho with its parent."""
    return rho * np.asarray(parent) + np.sqrt(1 - rho**2) * np.asarray(own)


def check_map(name, genes_of, genes):
    unknown = sorted(set(genes_of) - set(genes))
    if unknown:
        raise ValueError(
            f"{name} names {len(unknown)} genes that mean_expr does not have, for "
            f"example {unknown[:3]}. Map every feature to a gene of mean_expr."
        )


def read_only(value):
    """Copy values into an array that cannot be written: references are cached."""
    array = value.to_numpy(copy=True)
    array.flags.writeable = False
    if isinstance(value, pd.DataFrame):
        return pd.DataFrame(array, value.index, value.columns, copy=False)
    return pd.Series(array, value.index, name=value.name, copy=False)


def unmix(rho, parent, mean):
    """Solve `mix` for the feature's own part."""
    return (mean - rho * parent) / np.sqrt(1 - rho**2)
