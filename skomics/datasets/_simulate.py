"""Simulated multi-omics cohorts with known subtypes and known markers."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import isfinite
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.utils import Bunch, check_random_state

__all__ = ["IntersimReference", "make_intersim"]

_OMICS = ("methylation", "expression", "protein")

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
_MAPS = ("cpg_gene_map", "protein_gene_map")

# Field of IntersimReference -> file of the R package's parameter tables.
_FILES = {
    **{name: name for name in _VECTORS},
    **{name: name for name in _COVARIANCES},
    "cpg_gene_map": "CpG_gene_map_for_DEG",
    "protein_gene_map": "protein_gene_map_for_DEP",
}

_DESCR = """\
Simulated three-omics cohort with known subtypes (InterSIM)

{n_samples} samples in {n_clusters} subtypes:
{counts}.
methylation (beta values of {n_cpgs} CpGs), expression ({n_genes} genes),
protein ({n_proteins} proteins). Parameters: {source}.

Effects: {effect}.
Differential features: every subtype draws its own CpGs with probability {p_dmp};
genes {genes}; proteins {proteins}.

Algorithm: Chalise, Raghavan and Fridley, Computer Methods and Programs in
Biomedicine 128, 2016, doi 10.1016/j.cmpb.2016.02.011.
"""


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

    @cached_property
    def _base_means(self):
        """Mean of every omics where no feature is differential."""
        rho_gene = self.rho_methyl_expr.to_numpy()
        rho_protein = self.rho_expr_protein.to_numpy()
        of_gene = self.mean_expr.to_numpy()[self._gene_of["protein"]]
        return {
            "methylation": self.mean_M.to_numpy(),
            "expression": rho_gene * self.methyl_gene_level_mean.to_numpy()
            + np.sqrt(1 - rho_gene**2) * self.mean_expr.to_numpy(),
            "protein": rho_protein * of_gene
            + np.sqrt(1 - rho_protein**2) * self.mean_protein.to_numpy(),
        }

    @cached_property
    def _roots(self):
        """Transposed Cholesky factor of every covariance, taken once."""
        names = dict(zip(_OMICS, _COVARIANCES, strict=True))
        return {
            omics: _root(name, getattr(self, name)) for omics, name in names.items()
        }

    @cached_property
    def _gene_of(self):
        """Position of the gene of every CpG and of every protein."""
        return {
            "methylation": self.genes.get_indexer(self.cpg_gene_map),
            "protein": self.genes.get_indexer(self.protein_gene_map),
        }

    @cached_property
    def _columns(self):
        """The two column levels (omics, feature)."""
        names = (self.cpgs, self.genes, self.proteins)
        pairs = [(o, f) for o, index in zip(_OMICS, names, strict=True) for f in index]
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
            _check_integer(name, value, 1)
        _check_integer("random_state", random_state, 0)
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


def make_intersim(
    n_samples=100,
    n_clusters=5,
    *,
    proportions="equal",
    effect=2.5,
    p_dmp=0.25,
    p_deg=None,
    p_dep=None,
    reference=None,
    shuffle=True,
    random_state=None,
    return_X_y=True,
    as_frame=True,
):
    r"""Simulate methylation, expression and protein of one cohort with subtypes.

    The algorithm of InterSIM [1]_: every subtype has its own differential CpGs;
    the genes of these CpGs and the proteins of these genes are differential too.

    Parameters
    ----------
    n_samples : int, default=100
        Number of samples.

    n_clusters : int, default=5
        Number of subtypes.

    proportions : {"equal", "heterogeneous"} or sequence, default="equal"
        Sizes of the subtypes, or one size for each. "heterogeneous" falls linearly
        from ``n_clusters + 1`` to 2 parts (five subtypes: 0.3, 0.25, 0.2, 0.15,
        0.1). Integers are counts and sum to `n_samples`; floats are fractions, sum
        to 1 and are rounded by largest remainder.

    effect : float or dict of float, default=2.5
        Shift of the mean of a differential feature, in M-value, expression and
        protein units. A dict gives one effect for each of "methylation",
        "expression", "protein". 2.5, as in the DL-mo study, makes subtypes trivial
        to tell apart; see Notes for effects that rank models.

    p_dmp : float, default=0.25
        Probability that a CpG is differential in a subtype.

    p_deg : float, default=None
        Probability that a gene is differential in a subtype, whatever its CpGs.
        ``None``: a gene is differential if one of its CpGs is.

    p_dep : float, default=None
        Probability that a protein is differential in a subtype, whatever its gene.
        ``None``: a protein is differential if its gene is.

    reference : IntersimReference, default=None
        Means, covariances, correlations and maps. ``None`` takes
        ``IntersimReference.synthetic()``, whose numbers are **invented**.

    shuffle : bool, default=True
        Whether samples come in random order. If False they are sorted by subtype.

    random_state : int, RandomState instance or None, default=None
        Seed of markers, order and values. An int gives the same cohort every time.

    return_X_y : bool, default=True
        Whether to return ``(X, y)`` alone. If False, a Bunch.

    as_frame : bool, default=True
        Whether to return a DataFrame and a Series. If False, `X` is a dict
        omics → array and `y` an array.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features) or dict of ndarray
        Two column levels (omics, feature): "methylation" (beta values in (0, 1)),
        "expression" and "protein". Rows are named "sample_001", "sample_002", ….

    y : Series or ndarray of shape (n_samples,)
        The subtype, "subtype_1", "subtype_2", … (padded with zeros from ten on),
        with the index of `X`.

    cohort : Bunch
        Only with ``return_X_y=False``: `data` and `target` as above, `omics`
        (names), `target_names`, `differential` (dict omics → boolean DataFrame of
        shape (n_clusters, n_features), the true markers), `cpg_gene_map`,
        `protein_gene_map`, `effect` (dict), `reference` and `DESCR`.

    Raises
    ------
    ValueError
        If a number is out of range, a subtype would get no sample, fractions do not
        sum to 1, counts do not sum to `n_samples`, or an option is unknown.

    TypeError
        If a number is not a number or `reference` not an `IntersimReference`.

    Notes
    -----
    A block is drawn from a multivariate normal distribution with the reference
    covariance and the mean *base + effect × indicator*. The base of methylation is
    the reference mean; that of a gene is
    :math:`\rho\,\bar m + \sqrt{1 - \rho^2}\,\bar e` with its mean M-value
    :math:`\bar m`, its mean expression :math:`\bar e` and their correlation
    :math:`\rho`; that of a protein likewise from its gene. The base is the same in
    all subtypes. So correlations between omics enter the means and the shared
    markers; **within a subtype the omics are independent**. M-values are turned into
    beta values last.

    Accuracy of a logistic regression (standardised, C=0.01; five folds, mean of
    several seeds) on 300 samples in five equal subtypes of the synthetic reference:

    ======== ===== ===== ===== ===== ===== =====
    effect   0.05  0.1   0.12  0.15  0.2   0.25
    accuracy 0.33  0.69  0.81  0.94  0.99  1.00
    ======== ===== ===== ===== ===== ===== =====

    References
    ----------
    .. [1] P. Chalise, R. Raghavan, B. L. Fridley, "InterSIM: Simulation tool for
       multiple integrative 'omic datasets'", Computer Methods and Programs in
       Biomedicine 128, 2016, https://doi.org/10.1016/j.cmpb.2016.02.011

    Examples
    --------
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> X.shape, sorted(set(y))
    ((60, 658), ['subtype_1', 'subtype_2', 'subtype_3'])
    >>> X["methylation"].iloc[:2, :2].round(2)
    feature     cg00000001  cg00000002
    sample
    sample_001        0.03        0.02
    sample_002        0.02        0.07

    The true markers come with the Bunch:

    >>> cohort = make_intersim(60, 3, random_state=0, return_X_y=False)
    >>> cohort.differential["expression"].mean(axis=1).round(2).to_dict()
    {'subtype_1': 0.5, 'subtype_2': 0.53, 'subtype_3': 0.5}
    """
    reference = _check_reference(reference)
    effect = _check_effect(effect)
    p_follow = _check_probabilities(p_dmp, p_deg, p_dep)
    counts = _count_samples(n_samples, n_clusters, proportions)

    rng = check_random_state(random_state)
    markers = _draw_markers(reference, n_clusters, p_follow, rng)
    codes = np.repeat(np.arange(n_clusters), counts)
    if shuffle:
        codes = rng.permutation(codes)
    blocks = _draw_blocks(reference, markers, codes, effect, rng)

    names = _number("subtype", n_clusters, 1)
    X, y = _pack(reference, blocks, names[codes], as_frame)
    if return_X_y:
        return X, y
    descr = _describe(reference, names, counts, effect, p_follow)
    return _bunch(reference, X, y, names, markers, effect, descr)


# Drawing


def _draw_markers(reference, n_clusters, probabilities, rng):
    """Boolean (n_clusters, n_features) of every omics: who is differential."""
    p_dmp, p_deg, p_dep = probabilities
    sizes = dict(zip(_OMICS, map(len, _feature_names(reference)), strict=True))

    def draw(omics, p):
        return rng.uniform(size=(n_clusters, sizes[omics])) < p

    cpgs = draw("methylation", p_dmp)
    if p_deg is None:
        genes = np.zeros((n_clusters, sizes["expression"]), dtype=bool)
        cluster, cpg = np.nonzero(cpgs)
        genes[cluster, reference._gene_of["methylation"][cpg]] = True
    else:
        genes = draw("expression", p_deg)
    if p_dep is None:
        proteins = genes[:, reference._gene_of["protein"]]
    else:
        proteins = draw("protein", p_dep)
    return dict(zip(_OMICS, (cpgs, genes, proteins), strict=True))


def _draw_blocks(reference, markers, codes, effect, rng):
    """One array (n_samples, n_features) per omics, all samples at once."""
    blocks = {}
    for omics in _OMICS:
        base, root = reference._base_means[omics], reference._roots[omics]
        means = base + effect[omics] * markers[omics]
        noise = rng.standard_normal((len(codes), len(base)))
        blocks[omics] = means[codes] + noise @ root
    blocks["methylation"] = expit(blocks["methylation"])
    return blocks


def _feature_names(reference):
    return reference.cpgs, reference.genes, reference.proteins


def _number(word, n, width):
    """word_1 … word_n, padded with zeros so that they sort as numbers do."""
    width = max(width, len(str(n)))
    return np.array([f"{word}_{i:0{width}d}" for i in range(1, n + 1)], dtype=object)


def _pack(reference, blocks, labels, as_frame):
    if not as_frame:
        return blocks, labels
    index = pd.Index(_number("sample", len(labels), 3), name="sample")
    values = np.hstack([blocks[omics] for omics in _OMICS])
    X = pd.DataFrame(values, index=index, columns=reference._columns)
    return X, pd.Series(labels, index=index, name="subtype")


def _bunch(reference, X, y, names, markers, effect, descr):
    index = pd.Index(names, name="subtype")
    differential = {
        omics: pd.DataFrame(markers[omics], index=index, columns=features)
        for omics, features in zip(_OMICS, _feature_names(reference), strict=True)
    }
    return Bunch(
        data=X,
        target=y,
        omics=list(_OMICS),
        target_names=names,
        differential=differential,
        cpg_gene_map=reference.cpg_gene_map,
        protein_gene_map=reference.protein_gene_map,
        effect=effect,
        reference=reference,
        DESCR=descr,
    )


def _describe(reference, names, counts, effect, probabilities):
    p_dmp, p_deg, p_dep = probabilities
    n_cpgs, n_genes, n_proteins = map(len, _feature_names(reference))
    return _DESCR.format(
        n_samples=sum(counts),
        n_clusters=len(counts),
        counts=", ".join(f"{n} {c}" for n, c in zip(names, counts, strict=True)),
        n_cpgs=n_cpgs,
        n_genes=n_genes,
        n_proteins=n_proteins,
        source=reference.source,
        effect=", ".join(f"{omics} {value:g}" for omics, value in effect.items()),
        p_dmp=p_dmp,
        genes="follow" if p_deg is None else f"with probability {p_deg}",
        proteins="follow" if p_dep is None else f"with probability {p_dep}",
    )


# Sizes of the subtypes


def _count_samples(n_samples, n_clusters, proportions):
    """Return samples per subtype, integers that sum to n_samples."""
    _check_integer("n_clusters", n_clusters, 1)
    _check_integer("n_samples", n_samples, 1)
    if n_samples < n_clusters:
        raise ValueError(
            f"n_samples is {n_samples} but n_clusters is {n_clusters}. Every subtype "
            f"needs a sample; ask for n_samples >= {n_clusters} or fewer clusters."
        )
    shares = _read_proportions(proportions, n_clusters)
    if shares.dtype.kind in "iu":
        counts = _check_counts(shares, n_samples)
    else:
        counts = _round_fractions(shares, n_samples)
    if counts.min() < 1:
        raise ValueError(
            f"proportions={proportions!r} give the subtypes {counts.tolist()} of "
            f"{n_samples} samples, but every subtype needs at least 1. Raise "
            "n_samples, or the smallest proportion."
        )
    return counts


def _read_proportions(proportions, n_clusters):
    if isinstance(proportions, str):
        if proportions == "equal":
            return np.full(n_clusters, 1 / n_clusters)
        if proportions == "heterogeneous":
            parts = np.arange(n_clusters + 1, 1, -1)
            return parts / parts.sum()
        raise ValueError(
            f"proportions is {proportions!r}; it can be 'equal', 'heterogeneous' or "
            "one fraction or count per cluster."
        )
    shares = np.asarray(proportions)
    if shares.ndim != 1 or shares.dtype.kind not in "iuf":
        raise TypeError(
            f"proportions is {proportions!r}; it can be 'equal', 'heterogeneous' or a "
            "flat sequence of numbers, one per cluster."
        )
    if len(shares) != n_clusters:
        raise ValueError(
            f"proportions has {len(shares)} entries but n_clusters is {n_clusters}. "
            "Give one entry per cluster."
        )
    return shares


def _check_counts(counts, n_samples):
    if counts.sum() != n_samples:
        raise ValueError(
            f"The counts in proportions sum to {counts.sum()} but n_samples is "
            f"{n_samples}. Integers are taken as counts; make them sum to n_samples, "
            "or give fractions that sum to 1."
        )
    return counts


def _round_fractions(fractions, n_samples):
    """Round by largest remainder; ties go to the first."""
    if not np.isclose(fractions.sum(), 1.0, rtol=0, atol=1e-6):
        raise ValueError(
            f"The fractions in proportions sum to {fractions.sum():.6g}, not 1. "
            "Divide them by their sum, or give integers to state counts."
        )
    # Without the rounding 0.15 * 300 could count as a little less than 45.
    exact = np.round(fractions * n_samples, 6)
    counts = np.floor(exact).astype(int)
    rest = np.argsort(counts - exact, kind="stable")[: n_samples - counts.sum()]
    counts[rest] += 1
    return counts


# Checks


def _check_integer(name, value, low):
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, not an integer. Give an int >= {low}.")
    if value < low:
        raise ValueError(f"{name} is {value}. Give an integer >= {low}.")


def _check_real(name, value):
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, not a number. Give a float.")
    if not isfinite(value):
        raise ValueError(f"{name} is {value}. Give a finite number.")
    return float(value)


def _check_reference(reference):
    if reference is None:
        return IntersimReference.synthetic()
    if not isinstance(reference, IntersimReference):
        raise TypeError(
            f"reference is a {type(reference).__name__}, not an IntersimReference. "
            "Make one, for example with IntersimReference.from_directory(path)."
        )
    return reference


def _check_effect(effect):
    if not isinstance(effect, dict):
        return dict.fromkeys(_OMICS, _check_real("effect", effect))
    if set(effect) != set(_OMICS):
        raise ValueError(
            f"effect has the keys {list(effect)}, but wants exactly {list(_OMICS)}. "
            "Give 0.0 to an omics without differences."
        )
    return {o: _check_real(f"effect[{o!r}]", effect[o]) for o in _OMICS}


def _check_probabilities(p_dmp, p_deg, p_dep):
    for name, p in {"p_dmp": p_dmp, "p_deg": p_deg, "p_dep": p_dep}.items():
        if p is None and name != "p_dmp":
            continue
        if not 0 <= _check_real(name, p) <= 1:
            raise ValueError(f"{name} is {p}. Give a probability between 0 and 1.")
    return p_dmp, p_deg, p_dep


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


# References


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
