"""InterSIM's parameters, estimated from a cohort."""

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from scipy.special import logit
from sklearn.covariance import LedoitWolf

from skomics._blocks import read_blocks
from skomics._rows import check_same_samples, quote_values
from skomics.datasets._intersim_parameters import COVARIANCES, OMICS, check_map, unmix

__all__ = ["estimate", "read_cohort"]

# Beta values are kept this far away from 0 and 1, where the logit is infinite.
_MARGIN = 0.001


def read_cohort(blocks):
    """Return the three tables of a cohort, methylation as M-values."""
    read = read_blocks(blocks).blocks
    lacking = [omics for omics in OMICS if omics not in read]
    if lacking:
        raise ValueError(
            f"The data have the modalities {quote_values(read, 9)} but lack "
            f"{quote_values(lacking)}. InterSIM models {quote_values(OMICS)}; rename "
            "yours to these."
        )
    tables = {}
    for omics in OMICS:
        block = read[omics]
        values = block.data.toarray() if issparse(block.data) else block.data
        table = pd.DataFrame(values, columns=block.features).astype(float)
        _check_cohort_table(omics, table)
        tables[omics] = table.reset_index(drop=True)
        if block.rows is not None:
            tables[omics].index = block.rows
    tables["methylation"] = logit(tables["methylation"].clip(_MARGIN, 1 - _MARGIN))
    return tables


def _check_cohort_table(omics, table):
    if not np.isfinite(table.to_numpy()).all():
        raise ValueError(
            f"Omics {omics!r} has {(~np.isfinite(table.to_numpy())).sum()} missing or "
            "infinite values. Impute them, or drop these features."
        )
    constant = table.columns[table.nunique() < 2]
    if len(constant):
        raise ValueError(
            f"Omics {omics!r} has {len(constant)} constant features, e.g. "
            f"{quote_values(constant)}. They have no correlation; drop them."
        )
    low, high = table.min(axis=None), table.max(axis=None)
    if omics == "methylation" and (low < 0 or high > 1):
        raise ValueError(
            f"Methylation reaches from {low:.3g} to {high:.3g}, but beta values "
            "between 0 and 1 are wanted. Turn M-values back into beta values first."
        )


def estimate(tables, y, cpg_gene_map, protein_gene_map):
    """Return the parameters of a cohort, by field of IntersimReference."""
    means = {omics: table.mean() for omics, table in tables.items()}
    inner = {omics: _center(table, y) for omics, table in tables.items()}
    genes, proteins = inner["expression"], inner["protein"]
    cpg_gene = _complete_map("cpg_gene_map", cpg_gene_map, inner["methylation"], genes)
    protein_gene = _complete_map("protein_gene_map", protein_gene_map, proteins, genes)
    of_gene = inner["methylation"].T.groupby(cpg_gene).mean().T
    rho_gene = genes.corrwith(of_gene).reindex(genes.columns).fillna(0.0)
    rho_protein = proteins.corrwith(
        genes[protein_gene].set_axis(proteins.columns, axis=1)
    )
    rho_gene, rho_protein = (rho.clip(-0.99, 0.99) for rho in (rho_gene, rho_protein))
    mean_M = means["methylation"]
    gene_level = mean_M.groupby(cpg_gene).mean().reindex(genes.columns, fill_value=0.0)
    mean_expr = unmix(rho_gene, gene_level, means["expression"])
    parents = mean_expr[protein_gene].set_axis(proteins.columns)
    return {
        "mean_M": mean_M,
        "mean_expr": mean_expr,
        "mean_protein": unmix(rho_protein, parents, means["protein"]),
        **{
            name: _shrink(inner[omics])
            for name, omics in zip(COVARIANCES, OMICS, strict=True)
        },
        "rho_methyl_expr": rho_gene,
        "rho_expr_protein": rho_protein,
        "cpg_gene_map": cpg_gene,
        "protein_gene_map": protein_gene,
        "methyl_gene_level_mean": gene_level,
        "source": f"estimated from {len(genes)} samples",
    }


def _center(table, y):
    if y is None:
        return table - table.mean()
    codes, _ = pd.factorize(np.asarray(y))
    if len(codes) != len(table):
        raise ValueError(
            f"y has {len(codes)} labels but the omics have {len(table)} samples. Give "
            "one label per sample, in the same order."
        )
    check_same_samples(table.index, y, "y")
    return table - table.groupby(codes).transform("mean")


def _complete_map(name, genes_of, features, genes):
    """Return the gene of each feature, that of the highest correlation if unknown."""
    if genes_of is None:
        best = np.abs(_standardize(features).T @ _standardize(genes)).argmax(axis=1)
        return pd.Series(genes.columns[best], features.columns)
    genes_of = pd.Series(genes_of)
    lacking = features.columns.difference(genes_of.index)
    if len(lacking):
        raise ValueError(
            f"{name} has no gene for {len(lacking)} of {features.shape[1]} features, "
            f"e.g. {quote_values(lacking)}. Map each feature to a gene, or drop it."
        )
    genes_of = genes_of[features.columns]
    check_map(name, genes_of, genes.columns)
    return genes_of


def _standardize(table):
    values = table.to_numpy()
    return values / np.linalg.norm(values, axis=0)


def _shrink(table):
    covariance = LedoitWolf(assume_centered=True).fit(table.to_numpy()).covariance_
    return pd.DataFrame(covariance, table.columns, table.columns)
