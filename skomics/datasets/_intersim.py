"""What make_intersim draws from: means, covariances, correlations and maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from skomics.datasets._checks import check_integer
from skomics.datasets._intersim_files import read_csv, read_r_data
from skomics.datasets._intersim_fit import estimate, read_cohort
from skomics.datasets._intersim_parameters import (
    COVARIANCES,
    MAPS,
    OMICS,
    VECTORS,
    check_map,
    check_parameter,
    check_rho,
    mix,
    read_only,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import OmicsLike, StrPath

__all__ = ["IntersimReference"]


@dataclass(frozen=True, eq=False, repr=False)
class IntersimReference:
    """Parameters from which `make_intersim` draws its samples.

    Means, covariances and maps describe a population without subtypes. To change
    one of them, use `dataclasses.replace`. The values are copied and read-only.

    Parameters
    ----------
    mean_M : Series of length n_cpgs
        Mean methylation of each CpG as M-value (logit of the beta value); its index
        names the CpGs.

    cov_M : DataFrame of shape (n_cpgs, n_cpgs)
        Covariance of the M-values.

    mean_expr : Series of length n_genes
        Mean expression; its index names the genes.

    cov_expr : DataFrame of shape (n_genes, n_genes)
        Covariance of the expression values.

    mean_protein : Series of length n_proteins
        Mean protein level; its index names the proteins.

    cov_protein : DataFrame of shape (n_proteins, n_proteins)
        Covariance of the protein levels.

    rho_methyl_expr : Series of length n_genes
        Correlation between a gene's methylation and its expression.

    rho_expr_protein : Series of length n_proteins
        Correlation between a protein and the expression of its gene.

    cpg_gene_map : Series of length n_cpgs
        The gene each CpG belongs to.

    protein_gene_map : Series of length n_proteins
        The gene that codes for each protein.

    methyl_gene_level_mean : Series of length n_genes, default=None
        Mean M-value of a gene. ``None`` takes the mean over the gene's CpGs, and 0
        for a gene without one.

    source : str, default="given by the user"
        Where the parameters come from; shown in ``DESCR``.

    Attributes
    ----------
    cpgs, genes, proteins : Index
        The feature names.

    Raises
    ------
    ValueError
        If names do not agree, a value is missing, a correlation lies outside
        [-1, 1], a map names an unknown gene, or a covariance is not symmetric (at
        the first draw: not positive definite).

    Examples
    --------
    >>> from skomics.datasets import IntersimReference
    >>> IntersimReference.synthetic()
    IntersimReference(367 CpGs, 131 genes, 160 proteins; synthetic, random_state=0)
    """

    mean_M: pd.Series
    cov_M: pd.DataFrame
    mean_expr: pd.Series
    cov_expr: pd.DataFrame
    mean_protein: pd.Series
    cov_protein: pd.DataFrame
    rho_methyl_expr: pd.Series
    rho_expr_protein: pd.Series
    cpg_gene_map: pd.Series
    protein_gene_map: pd.Series
    methyl_gene_level_mean: pd.Series | None = None
    source: str = "given by the user"

    def __post_init__(self):
        if self.methyl_gene_level_mean is None:
            by_gene = self.mean_M.groupby(self.cpg_gene_map).mean()
            self._set(
                "methyl_gene_level_mean", by_gene.reindex(self.genes, fill_value=0.0)
            )
        for name, axis in {**VECTORS, **COVARIANCES}.items():
            names = getattr(self, axis)
            check_parameter(name, getattr(self, name), names)
            self._set(name, read_only(getattr(self, name)))
        for name in MAPS:
            check_map(name, getattr(self, name), self.genes)

    def __repr__(self):
        return (
            f"IntersimReference({len(self.cpgs)} CpGs, {len(self.genes)} genes, "
            f"{len(self.proteins)} proteins; {self.source})"
        )

    def _set(self, name, value):
        # A frozen dataclass is only set this way, while it is being made.
        object.__setattr__(self, name, value)

    @property
    def cpgs(self) -> pd.Index:
        """Names of the CpGs, of length n_cpgs."""
        return self.mean_M.index

    @property
    def genes(self) -> pd.Index:
        """Names of the genes, of length n_genes."""
        return self.mean_expr.index

    @property
    def proteins(self) -> pd.Index:
        """Names of the proteins, of length n_proteins."""
        return self.mean_protein.index

    def mix_means(
        self,
        rho_methyl_expr: ArrayLike | None = None,
        rho_expr_protein: ArrayLike | None = None,
    ) -> dict[str, np.ndarray]:
        """Return the mean of every modality where no feature is differential.

        Parameters
        ----------
        rho_methyl_expr : float or array-like of shape (n_genes,), default=None
            Correlation in place of the reference's own.

        rho_expr_protein : float or array-like of shape (n_proteins,), default=None
            Correlation in place of the reference's own.

        Returns
        -------
        means : dict of str to ndarray
            One array of length n_features for each modality, methylation as M-values.
        """
        rho_gene = self._read_rho("rho_methyl_expr", rho_methyl_expr)
        rho_protein = self._read_rho("rho_expr_protein", rho_expr_protein)
        of_gene = self.mean_expr.to_numpy()[self.gene_of["protein"]]
        return {
            "methylation": self.mean_M.to_numpy(),
            "expression": mix(rho_gene, self.methyl_gene_level_mean, self.mean_expr),
            "protein": mix(rho_protein, of_gene, self.mean_protein),
        }

    def _read_rho(self, name, rho):
        own = getattr(self, name).to_numpy()
        return own if rho is None else check_rho(name, rho, own.shape)

    @cached_property
    def spreads(self) -> dict[str, np.ndarray]:
        """Standard deviation of the features of every modality."""
        names = dict(zip(OMICS, COVARIANCES, strict=True))
        return {o: np.sqrt(np.diag(getattr(self, name))) for o, name in names.items()}

    @cached_property
    def roots(self) -> dict[str, np.ndarray]:
        """Transposed Cholesky factor of every covariance, taken once."""
        names = dict(zip(OMICS, COVARIANCES, strict=True))
        return {
            omics: _root(name, getattr(self, name)) for omics, name in names.items()
        }

    @cached_property
    def gene_of(self) -> dict[str, np.ndarray]:
        """Position of the gene of every CpG and of every protein."""
        return {
            "methylation": self.genes.get_indexer(self.cpg_gene_map),
            "protein": self.genes.get_indexer(self.protein_gene_map),
        }

    @cached_property
    def columns(self) -> pd.MultiIndex:
        """The two column levels (omics, feature)."""
        names = (self.cpgs, self.genes, self.proteins)
        pairs = [(o, f) for o, index in zip(OMICS, names, strict=True) for f in index]
        return pd.MultiIndex.from_tuples(pairs, names=["omics", "feature"])

    @classmethod
    def synthetic(
        cls,
        random_state: int = 0,
        *,
        n_cpgs: int = 367,
        n_genes: int = 131,
        n_proteins: int = 160,
    ) -> Self:
        """Make up a reference: **invented numbers, not estimated from patients**.

        Scales imitate those of real arrays (bimodal M-values, a few common factors
        behind every modality, protein variances over two orders of magnitude), but no
        gene here is a real one. The same arguments return the same cached object.

        Parameters
        ----------
        random_state : int, default=0
            Seed of the parameters.

        n_cpgs : int, default=367
            Number of CpGs.

        n_genes : int, default=131
            Number of genes. Each has at least one CpG (and one protein) where there
            are as many.

        n_proteins : int, default=160
            Number of proteins, each of one gene.

        Returns
        -------
        reference : IntersimReference
            The invented parameters.

        Raises
        ------
        ValueError
            If a size is below 1 or `random_state` is not an integer.

        Examples
        --------
        >>> from skomics.datasets import IntersimReference
        >>> small = IntersimReference.synthetic(n_cpgs=4, n_genes=3, n_proteins=2)
        >>> small.cpg_gene_map.to_list()
        ['GENE001', 'GENE002', 'GENE002', 'GENE003']
        """
        sizes = {"n_cpgs": n_cpgs, "n_genes": n_genes, "n_proteins": n_proteins}
        for name, value in sizes.items():
            check_integer(name, value, 1)
        check_integer("random_state", random_state, 0)
        return _make_synthetic(int(random_state), n_cpgs, n_genes, n_proteins)

    @classmethod
    def from_directory(cls, path: StrPath) -> Self:
        """Read the parameter tables of the R package InterSIM, written as csv.

        Parameters
        ----------
        path : str or Path
            Folder with ``mean_M``, ``cov_M``, ``mean_expr``, ``cov_expr``,
            ``mean_protein``, ``cov_protein``, ``rho_methyl_expr``,
            ``rho_expr_protein``, ``methyl_gene_level_mean``,
            ``CpG_gene_map_for_DEG`` and ``protein_gene_map_for_DEP``, each as
            ``.csv.gz`` or ``.csv`` with the feature names in the first column. The
            maps have a column ``gene``, the vectors one column.

        Returns
        -------
        reference : IntersimReference
            The parameters of the folder.

        Raises
        ------
        FileNotFoundError
            If a table is missing.

        ValueError
            If the tables do not fit together.

        Notes
        -----
        The R package's own tables are under the GPL and are not shipped here.
        """
        return cls(**read_csv(Path(path)), source=f"read from {path}")

    @classmethod
    def from_r_data(cls, path: StrPath) -> Self:
        """Read the parameters of the R package InterSIM from its own files.

        Parameters
        ----------
        path : str or Path
            The package as CRAN ships it (``InterSIM_<version>.tar.gz``), its
            unpacked folder, or a folder of its ``.rda`` files.

        Returns
        -------
        reference : IntersimReference
            The parameters of the package.

        Raises
        ------
        FileNotFoundError
            If there is no such file or folder, or an object of the package is
            missing.

        ValueError
            If the objects do not fit together.

        ImportError
            If the library rdata is missing; it comes with ``skomics[data]``.

        Notes
        -----
        The package is under the GPL; nothing of it is shipped here. It is at
        https://cran.r-project.org/package=InterSIM.
        """
        return cls(**read_r_data(Path(path)), source=f"read from {path}")

    @classmethod
    def fit(
        cls,
        blocks: OmicsLike,
        y: ArrayLike | None = None,
        *,
        cpg_gene_map: pd.Series | Mapping[str, Any] | None = None,
        protein_gene_map: pd.Series | Mapping[str, Any] | None = None,
    ) -> Self:
        """Estimate a reference from data of your own.

        It makes a new reference; nothing is changed in place.

        Parameters
        ----------
        blocks : dict of DataFrame, DataFrame or MuData
            The three modalities "methylation" (beta values), "expression" and "protein"
            of the same samples, as :class:`~skomics.OmicsConcatenator` takes them.
            Others are left alone.

        y : array-like of shape (n_samples,), default=None
            Subtypes. Where they are given, covariances, correlations and maps are
            those within subtypes, which `make_intersim` draws.

        cpg_gene_map : Series or dict, default=None
            The gene of each CpG. ``None`` takes the gene whose expression has the
            highest absolute correlation with the CpG.

        protein_gene_map : Series or dict, default=None
            The gene of each protein. ``None`` as above.

        Returns
        -------
        reference : IntersimReference
            The estimated parameters.

        Raises
        ------
        ValueError
            If a modality is missing or repeats feature names, a value is missing or
            infinite, a beta value lies outside [0, 1], a feature is constant or
            none of the map's.

        SampleAlignmentError
            If `y` has the ids of other samples, or in another order.

        Notes
        -----
        Covariances are shrunk by Ledoit and Wolf's estimate [1]_, so they are
        positive definite for fewer samples than features, too. Beta values are kept
        at least 0.001 away from 0 and 1 before the logit is taken. A gene's
        correlation with methylation is that with the mean M-value of its CpGs (0
        without CpGs). `mean_expr` and `mean_protein` are such that a cohort without
        effects has the means of the data. Memory grows with the square of the
        number of features: select some thousands first.

        References
        ----------
        .. [1] O. Ledoit, M. Wolf, "A well-conditioned estimator for
           large-dimensional covariance matrices", Journal of Multivariate Analysis
           88(2), 2004, https://doi.org/10.1016/S0047-259X(03)00096-4

        Examples
        --------
        >>> from skomics.datasets import IntersimReference, make_intersim
        >>> reference = IntersimReference.synthetic(n_cpgs=9, n_genes=6, n_proteins=5)
        >>> X, y = make_intersim(80, 2, reference=reference, random_state=0)
        >>> IntersimReference.fit(X, y)
        IntersimReference(9 CpGs, 6 genes, 5 proteins; estimated from 80 samples)
        """
        return cls(**estimate(read_cohort(blocks), y, cpg_gene_map, protein_gene_map))


def _root(name, covariance):
    try:
        return np.linalg.cholesky(covariance.to_numpy()).T
    except np.linalg.LinAlgError:
        smallest = np.linalg.eigvalsh(covariance.to_numpy())[0]
        raise ValueError(
            f"{name} is not positive definite: its smallest eigenvalue is "
            f"{smallest:.3g}. Add a small positive number to its diagonal."
        ) from None


@lru_cache(maxsize=8)
def _make_synthetic(seed, n_cpgs, n_genes, n_proteins):
    # RandomState, because numpy promises that its stream never changes.
    rng = np.random.RandomState(seed)
    cpgs = pd.Index([f"cg{i:08d}" for i in range(1, n_cpgs + 1)])
    genes = pd.Index(_pad_names("GENE", n_genes))
    proteins = pd.Index(_pad_names("PROT", n_proteins))
    cpg_gene = np.sort(_spread(n_cpgs, n_genes, rng))
    protein_gene = np.sort(_spread(n_proteins, n_genes, rng))
    # CpGs of one gene tend to be methylated or not together.
    methylated = (rng.uniform(size=n_genes) < 0.2)[cpg_gene]
    methylated ^= rng.uniform(size=n_cpgs) < 0.1
    low, high = rng.normal(-3.1, 0.8, n_cpgs), rng.normal(1.2, 1.2, n_cpgs)
    rho_gene = np.clip(rng.normal(-0.1, 0.15, n_genes), -0.9, 0.9)
    rho_protein = np.clip(rng.normal(0.33, 0.25, n_proteins), -0.9, 0.9)
    return IntersimReference(
        mean_M=pd.Series(np.where(methylated, high, low), cpgs),
        cov_M=_low_rank(cpgs, (0.70, 0.5), (0.6, 0.2, 0.15, 0.1, 0.1), rng),
        mean_expr=pd.Series(rng.normal(-0.2, 1.0, n_genes), genes),
        cov_expr=_low_rank(genes, (0.69, 0.3), (0.3, 0.3, 0.25, 0.25, 0.2, 0.2), rng),
        mean_protein=pd.Series(rng.normal(0.0, 0.1, n_proteins), proteins),
        cov_protein=_low_rank(proteins, (0.40, 0.55), (0.3, 0.3, 0.25, 0.2, 0.2), rng),
        rho_methyl_expr=pd.Series(rho_gene, genes),
        rho_expr_protein=pd.Series(rho_protein, proteins),
        cpg_gene_map=pd.Series(genes[cpg_gene], cpgs),
        protein_gene_map=pd.Series(genes[protein_gene], proteins),
        source=f"synthetic, random_state={seed}",
    )


def _pad_names(word, n):
    width = max(3, len(str(n)))
    return [f"{word}{i:0{width}d}" for i in range(1, n + 1)]


def _spread(n_children, n_parents, rng):
    """Draw a parent for every child; each gets one before any gets a second."""
    first = rng.permutation(n_parents)[:n_children]
    rest = rng.randint(n_parents, size=n_children - len(first))
    return np.concatenate([first, rest])


def _low_rank(names, scale, strengths, rng):
    """Covariance of features that share a few factors and have noise of their own.

    `scale` is the median SD and the spread of log SD; `strengths` is the typical
    correlation loading on each factor.
    """
    median, spread = scale
    sd = median * np.exp(spread * rng.normal(size=len(names)))
    loadings = rng.normal(size=(len(names), len(strengths))) * strengths
    # At most 95 % of a feature is shared, so the matrix is well conditioned.
    shared = (loadings**2).sum(axis=1, keepdims=True)
    loadings *= np.sqrt(np.minimum(1.0, 0.95 / shared))
    correlation = loadings @ loadings.T
    np.fill_diagonal(correlation, 1.0)
    return pd.DataFrame(correlation * np.outer(sd, sd), names, names)
