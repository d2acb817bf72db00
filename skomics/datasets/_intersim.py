"""What make_intersim draws from: means, covariances, correlations and maps."""

import tarfile
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from scipy.special import logit
from sklearn.covariance import LedoitWolf

from skomics._blocks import examples, read_blocks
from skomics._optional import import_optional
from skomics.datasets._checks import check_integer

__all__ = ["OMICS", "IntersimReference"]

OMICS = ("methylation", "expression", "protein")

# Which feature names index each parameter.
_VECTORS = {
    "mean_M": "cpgs",
    "mean_expr": "genes",
    "mean_protein": "proteins",
    "rho_methyl_expr": "genes",
    "rho_expr_protein": "proteins",
    "cpg_gene_map": "cpgs",
    "protein_gene_map": "proteins",
    "methyl_gene_level_mean": "genes",
}
_COVARIANCES = {"cov_M": "cpgs", "cov_expr": "genes", "cov_protein": "proteins"}
_MEANS = {"cpgs": "mean_M", "genes": "mean_expr", "proteins": "mean_protein"}
_MAPS = ("cpg_gene_map", "protein_gene_map")

# Beta values are kept this far away from 0 and 1, where the logit is infinite.
_MARGIN = 0.001

# Field of IntersimReference -> file of the R package's parameter tables.
_FILES = {
    **{name: name for name in _VECTORS},
    **{name: name for name in _COVARIANCES},
    "cpg_gene_map": "CpG_gene_map_for_DEG",
    "protein_gene_map": "protein_gene_map_for_DEP",
}


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
        for name, axis in {**_VECTORS, **_COVARIANCES}.items():
            names = getattr(self, axis)
            _check_parameter(name, getattr(self, name), names)
            self._set(name, _read_only(getattr(self, name)))
        for name in _MAPS:
            _check_map(name, getattr(self, name), self.genes)

    def __repr__(self):
        return (
            f"IntersimReference({len(self.cpgs)} CpGs, {len(self.genes)} genes, "
            f"{len(self.proteins)} proteins; {self.source})"
        )

    def _set(self, name, value):
        # A frozen dataclass is only set this way, while it is being made.
        object.__setattr__(self, name, value)

    @property
    def cpgs(self):
        """Names of the CpGs, of length n_cpgs."""
        return self.mean_M.index

    @property
    def genes(self):
        """Names of the genes, of length n_genes."""
        return self.mean_expr.index

    @property
    def proteins(self):
        """Names of the proteins, of length n_proteins."""
        return self.mean_protein.index

    def mix_means(self, rho_methyl_expr=None, rho_expr_protein=None):
        """Return the mean of every omics where no feature is differential.

        Parameters
        ----------
        rho_methyl_expr : float or array-like of shape (n_genes,), default=None
            Correlation in place of the reference's own.

        rho_expr_protein : float or array-like of shape (n_proteins,), default=None
            Correlation in place of the reference's own.

        Returns
        -------
        means : dict of str to ndarray
            One array of length n_features for each omics, methylation as M-values.
        """
        rho_gene = self._read_rho("rho_methyl_expr", rho_methyl_expr)
        rho_protein = self._read_rho("rho_expr_protein", rho_expr_protein)
        of_gene = self.mean_expr.to_numpy()[self.gene_of["protein"]]
        return {
            "methylation": self.mean_M.to_numpy(),
            "expression": _mix(rho_gene, self.methyl_gene_level_mean, self.mean_expr),
            "protein": _mix(rho_protein, of_gene, self.mean_protein),
        }

    def _read_rho(self, name, rho):
        own = getattr(self, name).to_numpy()
        return own if rho is None else _check_rho(name, rho, own.shape)

    @cached_property
    def spreads(self):
        """Standard deviation of the features of every omics."""
        names = dict(zip(OMICS, _COVARIANCES, strict=True))
        return {o: np.sqrt(np.diag(getattr(self, name))) for o, name in names.items()}

    @cached_property
    def roots(self):
        """Transposed Cholesky factor of every covariance, taken once."""
        names = dict(zip(OMICS, _COVARIANCES, strict=True))
        return {
            omics: _root(name, getattr(self, name)) for omics, name in names.items()
        }

    @cached_property
    def gene_of(self):
        """Position of the gene of every CpG and of every protein."""
        return {
            "methylation": self.genes.get_indexer(self.cpg_gene_map),
            "protein": self.genes.get_indexer(self.protein_gene_map),
        }

    @cached_property
    def columns(self):
        """The two column levels (omics, feature)."""
        names = (self.cpgs, self.genes, self.proteins)
        pairs = [(o, f) for o, index in zip(OMICS, names, strict=True) for f in index]
        return pd.MultiIndex.from_tuples(pairs, names=["omics", "feature"])

    @classmethod
    def synthetic(cls, random_state=0, *, n_cpgs=367, n_genes=131, n_proteins=160):
        """Make up a reference: **invented numbers, not estimated from patients**.

        Scales imitate those of real arrays (bimodal M-values, a few common factors
        behind every omics, protein variances over two orders of magnitude), but no
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
    def from_directory(cls, path):
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
        files = _find_tables(Path(path))
        tables = {name: pd.read_csv(file, index_col=0) for name, file in files.items()}
        parts = {name: tables[name] for name in _COVARIANCES}
        parts |= {name: tables[name].iloc[:, 0] for name in _VECTORS}
        parts |= {name: tables[name]["gene"] for name in _MAPS}
        return cls(**parts, source=f"read from {path}")

    @classmethod
    def from_r_data(cls, path):
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
        objects = _read_r_objects(Path(path))
        tables = {name: _r_table(objects[_r_name(name)]) for name in _FILES}
        names = {
            axis: _r_names(tables[_MEANS[axis]], tables[name])
            for name, axis in _COVARIANCES.items()
        }
        parts = {
            name: pd.DataFrame(tables[name].to_numpy(), names[axis], names[axis])
            for name, axis in _COVARIANCES.items()
        }
        parts |= {
            name: _r_vector(tables[name], names[axis], is_map=name in _MAPS)
            for name, axis in _VECTORS.items()
        }
        return cls(**parts, source=f"read from {path}")

    @classmethod
    def fit(cls, blocks, y=None, *, cpg_gene_map=None, protein_gene_map=None):
        """Estimate a reference from data of your own.

        It makes a new reference; nothing is changed in place.

        Parameters
        ----------
        blocks : dict of DataFrame, DataFrame or MuData
            The three omics "methylation" (beta values), "expression" and "protein"
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
            If an omics is missing or repeats feature names, a value is missing or
            infinite, a beta value lies outside [0, 1], a feature is constant or
            none of the map's.

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
        return cls(**_estimate(_read_cohort(blocks), y, cpg_gene_map, protein_gene_map))


def _check_parameter(name, value, names):
    wanted = "DataFrame" if name in _COVARIANCES else "Series"
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


def _check_rho(name, rho, shape):
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


def _mix(rho, parent, own):
    """Mean of a feature that has the correlation rho with its parent."""
    return rho * np.asarray(parent) + np.sqrt(1 - rho**2) * np.asarray(own)


def _check_map(name, genes_of, genes):
    unknown = sorted(set(genes_of) - set(genes))
    if unknown:
        raise ValueError(
            f"{name} names {len(unknown)} genes that mean_expr does not have, for "
            f"example {unknown[:3]}. Map every feature to a gene of mean_expr."
        )


def _read_only(value):
    """Copy values into an array that cannot be written: references are cached."""
    array = value.to_numpy(copy=True)
    array.flags.writeable = False
    if isinstance(value, pd.DataFrame):
        return pd.DataFrame(array, value.index, value.columns, copy=False)
    return pd.Series(array, value.index, name=value.name, copy=False)


def _root(name, covariance):
    try:
        return np.linalg.cholesky(covariance.to_numpy()).T
    except np.linalg.LinAlgError:
        smallest = np.linalg.eigvalsh(covariance.to_numpy())[0]
        raise ValueError(
            f"{name} is not positive definite: its smallest eigenvalue is "
            f"{smallest:.3g}. Add a small positive number to its diagonal."
        ) from None


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


def _read_cohort(blocks):
    """Return the three tables of a cohort, methylation as M-values."""
    read = read_blocks(blocks).blocks
    lacking = [omics for omics in OMICS if omics not in read]
    if lacking:
        raise ValueError(
            f"The data have the omics {examples(read, 9)} but lack "
            f"{examples(lacking)}. InterSIM models {examples(OMICS)}; rename yours to "
            "these."
        )
    tables = {}
    for omics in OMICS:
        block = read[omics]
        values = block.data.toarray() if issparse(block.data) else block.data
        table = pd.DataFrame(values, columns=block.features).astype(float)
        _check_cohort_table(omics, table)
        tables[omics] = table.reset_index(drop=True)
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
            f"{examples(constant)}. They have no correlation; drop them."
        )
    low, high = table.min(axis=None), table.max(axis=None)
    if omics == "methylation" and (low < 0 or high > 1):
        raise ValueError(
            f"Methylation reaches from {low:.3g} to {high:.3g}, but beta values "
            "between 0 and 1 are wanted. Turn M-values back into beta values first."
        )


def _estimate(tables, y, cpg_gene_map, protein_gene_map):
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
    mean_expr = _unmix(rho_gene, gene_level, means["expression"])
    parents = mean_expr[protein_gene].set_axis(proteins.columns)
    return {
        "mean_M": mean_M,
        "mean_expr": mean_expr,
        "mean_protein": _unmix(rho_protein, parents, means["protein"]),
        **{
            name: _shrink(inner[omics])
            for name, omics in zip(_COVARIANCES, OMICS, strict=True)
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
            f"e.g. {examples(lacking)}. Map each feature to a gene, or drop it."
        )
    genes_of = genes_of[features.columns]
    _check_map(name, genes_of, genes.columns)
    return genes_of


def _standardize(table):
    values = table.to_numpy()
    return values / np.linalg.norm(values, axis=0)


def _unmix(rho, parent, mean):
    """Solve `_mix` for the feature's own part."""
    return (mean - rho * parent) / np.sqrt(1 - rho**2)


def _shrink(table):
    covariance = LedoitWolf(assume_centered=True).fit(table.to_numpy()).covariance_
    return pd.DataFrame(covariance, table.columns, table.columns)


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
