"""Simulated multi-omics cohorts with known subtypes and known markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import expit
from sklearn.utils import Bunch, check_random_state

from skomics._blocks import Block
from skomics.datasets._checks import check_integer, check_probability, check_real
from skomics.datasets._intersim import IntersimReference
from skomics.datasets._intersim_parameters import OMICS
from skomics.datasets._perturb import check_options, perturb_blocks
from skomics.datasets._proportions import count_samples

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import BunchOrXy, RandomState

__all__ = ["make_intersim", "make_multiomics"]

_COVARIANCES = ("reference", "inductive")

_DESCR = """\
Simulated three-omics cohort with known subtypes (InterSIM)

{n_samples} samples in {n_clusters} subtypes:
{counts}.
methylation (beta values of {n_cpgs} CpGs), expression ({n_genes} genes),
protein ({n_proteins} proteins). Parameters: {source}.

Effects: {effect}.
Covariance: {covariance}.
Differential features: every subtype draws its own CpGs with probability {p_dmp};
genes {genes}; proteins {proteins}.

Algorithm: Chalise, Raghavan and Fridley, Computer Methods and Programs in
Biomedicine 128, 2016, doi 10.1016/j.cmpb.2016.02.011.
"""


def make_intersim(
    n_samples: int = 100,
    n_clusters: int = 5,
    *,
    proportions: Literal["equal", "heterogeneous"] | Sequence[float] = "equal",
    effect: float | Mapping[str, float] = 2.5,
    p_dmp: float = 0.25,
    p_deg: float | None = None,
    p_dep: float | None = None,
    covariance: Literal["reference", "inductive"] | Mapping[str, Any] = "reference",
    rho_methyl_expr: ArrayLike | None = None,
    rho_expr_protein: ArrayLike | None = None,
    reference: IntersimReference | None = None,
    shuffle: bool = True,
    random_state: RandomState = None,
    return_X_y: bool = True,
    as_frame: bool = True,
) -> BunchOrXy:
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

    covariance : {"reference", "inductive"} or dict, default="reference"
        Covariance within a subtype: that of the reference, or its diagonal alone,
        which makes features independent. A dict gives one of the two for each of
        "methylation", "expression", "protein". A covariance of your own goes into
        the reference, with ``dataclasses.replace(reference, cov_expr=...)``.

    rho_methyl_expr : float or array-like of shape (n_genes,), default=None
        Correlation of a gene's methylation and expression. ``None`` takes that of
        the reference.

    rho_expr_protein : float or array-like of shape (n_proteins,), default=None
        Correlation of a protein and the expression of its gene. ``None`` takes that
        of the reference.

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

    Accuracy of a logistic regression (standardized, C=0.01; five folds, mean of
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
    effects = _check_effect(effect)
    p_follow = _check_probabilities(p_dmp, p_deg, p_dep)
    covariance = _check_covariance(covariance)
    base_means = reference.mix_means(rho_methyl_expr, rho_expr_protein)
    counts = count_samples(n_samples, n_clusters, proportions)

    rng = check_random_state(random_state)
    markers = _draw_markers(reference, n_clusters, p_follow, rng)
    codes = np.repeat(np.arange(n_clusters), counts)
    if shuffle:
        codes = rng.permutation(codes)
    means = {o: base_means[o] + effects[o] * markers[o] for o in OMICS}
    blocks = _draw_blocks(reference, means, covariance, codes, rng)

    names = _number("subtype", n_clusters, 1)
    X, y = _pack(reference, blocks, names[codes], as_frame)
    if return_X_y:
        return X, y
    descr = _describe(reference, names, counts, effects, p_follow, covariance)
    return _bunch(reference, X, y, names, markers, effects, descr)


def make_multiomics(
    n_samples: int = 300,
    n_features: Mapping[str, int] | None = None,
    n_classes: int = 3,
    *,
    n_informative: int | Mapping[str, int] = 20,
    n_redundant: int | Mapping[str, int] = 20,
    effect: float | Mapping[str, float] = 1.0,
    proportions: Literal["equal", "heterogeneous"] | Sequence[float] = "equal",
    distribution: Literal["normal", "counts"] = "normal",
    mean_count: float = 0.05,
    sparse_output: bool | None = None,
    batch_shift: float = 0.0,
    batch_fraction: float = 0.5,
    label_noise: float = 0.0,
    missing_cells: float = 0.0,
    missing_omics: float = 0.0,
    shuffle: bool = True,
    random_state: RandomState = None,
    return_X_y: bool = True,
) -> BunchOrXy:
    r"""Simulate omics of any size with classes, useless features and faults.

    Parameters
    ----------
    n_samples : int, default=300
        Number of samples.

    n_features : dict of str to int, default=None
        Number of features of each modality; 250,000 are fine. ``None`` is
        ``{"rna": 1000, "mirna": 200, "protein": 100}``.

    n_classes : int, default=3
        Number of classes.

    n_informative : int or dict of int, default=20
        Number of features of each modality whose mean differs between classes.

    n_redundant : int or dict of int, default=20
        Number of features that are linear combinations of the informative ones of
        the same modality. All others are irrelevant.

    effect : float or dict of float, default=1.0
        SD of the class means of an informative feature, in units of its SD within
        a class; a dict gives one for each modality.

    proportions : {"equal", "heterogeneous"} or sequence, default="equal"
        Sizes of the classes, as in :func:`make_intersim`.

    distribution : {"normal", "counts"}, default="normal"
        "normal": every feature has the SD 1 within a class. "counts": numbers of
        reads, as of single cells.

    mean_count : float, default=0.05
        For "counts", the mean of an irrelevant feature's counts; most are 0.

    sparse_output : bool, default=None
        Whether counts come as sparse matrix, never made dense on the way. ``None``:
        yes for "counts".

    batch_shift : float, default=0.0
        Size of the batch effect by which a second cohort differs, as in
        :func:`perturb_omics`.

    batch_fraction : float, default=0.5
        Share of the samples in the second cohort.

    label_noise : float, default=0.0
        Share of the samples that get the label of another class.

    missing_cells : float, default=0.0
        Probability that a cell is missing. Not for sparse output.

    missing_omics : float, default=0.0
        Share of pairs of a sample and a modality in which a whole modality is
        missing. Every sample keeps one. Not for sparse output.

    shuffle : bool, default=True
        Whether samples come in random order. If False they are sorted by class.

    random_state : int, RandomState instance or None, default=None
        Seed. An int gives the same cohort every time.

    return_X_y : bool, default=True
        Whether to return ``(X, y)`` alone. If False, a Bunch.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features) or AnnData
        Two column levels (omics, feature). With sparse output an AnnData with csr
        `X`, names ``omics__feature`` and ``var["omics"]``.

    y : Series of shape (n_samples,)
        The classes, "subtype_1", "subtype_2", ….

    cohort : Bunch
        Only with ``return_X_y=False``: what :func:`perturb_omics` returns and
        `roles` (dict of omics to Series: "informative", "redundant" or "irrelevant"
        for each feature).

    Raises
    ------
    ValueError
        If a number is out of range or an option is unknown.

    TypeError
        If a number is not a number.

    ImportError
        If anndata is missing, for sparse output.

    See Also
    --------
    make_intersim : Simulates three modalities with the correlations of real ones.
    perturb_omics : Does the same harm to any table.

    Notes
    -----
    An informative feature is *z = m + e* with a mean *m* that each class draws from
    a normal distribution with the SD `effect`, and standard normal noise *e*. A
    redundant one is a combination of all *z* of the omics, with normal weights of
    norm 1. Positions are drawn at random. A count is a Poisson number with the
    rate :math:`s\,r\,\exp(z - 1/2)`, where *s* is the size of the sample (log-normal,
    SD of the log 0.3) and *r* the rate of the feature (log-normal, SD of the log 1,
    mean `mean_count`); for irrelevant features *z* does not enter, and only the
    reads are drawn, so that time and memory grow with their number.

    Examples
    --------
    >>> from skomics.datasets import make_multiomics
    >>> X, y = make_multiomics(90, {"rna": 50, "mirna": 40}, random_state=0)
    >>> X.shape, y.value_counts().to_list()
    ((90, 90), [30, 30, 30])
    >>> X, y = make_multiomics(
    ...     90, {"atac": 50_000}, distribution="counts", random_state=0
    ... )
    >>> X.shape, type(X.X).__name__
    ((90, 50000), 'csr_matrix')
    """
    sizes = _check_sizes(n_features, n_informative, n_redundant)
    is_sparse = _check_distribution(distribution, mean_count, sparse_output)
    effects = _check_effect(effect, tuple(sizes))
    harm = {
        "batch_shift": batch_shift,
        "batch_fraction": batch_fraction,
        "label_noise": label_noise,
        "missing_cells": missing_cells,
        "missing_omics": missing_omics,
    }
    check_options(harm)
    counts = count_samples(n_samples, n_classes, proportions, "n_classes")

    rng = check_random_state(random_state)
    codes = np.repeat(np.arange(n_classes), counts)
    if shuffle:
        codes = rng.permutation(codes)
    depths = np.exp(0.3 * rng.standard_normal(n_samples))
    blocks, roles = {}, {}
    for omics, (n, *parts) in sizes.items():
        signal, positions = _draw_signal(rng, codes, effects[omics], n, *parts)
        if distribution == "normal":
            data = rng.standard_normal((n_samples, n))
            data[:, positions] = signal
        else:
            data = _draw_counts(signal, positions, n, mean_count, depths, rng)
            data = data if is_sparse else data.toarray()
        features = pd.Index(_number(omics, n, 1))
        blocks[omics] = Block(data, features)
        roles[omics] = _name_roles(positions, parts[0], features)

    rows = pd.Index(_number("sample", n_samples, 3), name="sample")
    labels = pd.Series(_number("subtype", n_classes, 1)[codes], rows, name="subtype")
    kind = "counts" if distribution == "counts" else "values"
    kinds = dict.fromkeys(blocks, kind)
    cohort = perturb_blocks(blocks, rows, labels, rng, kinds=kinds, **harm)
    if return_X_y:
        return cohort.data, cohort.target
    return Bunch(**cohort, roles=roles)


def _draw_signal(rng, codes, effect, n, n_informative, n_redundant):
    """Informative and redundant features, and where they go."""
    means = effect * rng.standard_normal((codes.max() + 1, n_informative))
    informative = means[codes] + rng.standard_normal((len(codes), n_informative))
    weights = rng.standard_normal((n_informative, n_redundant))
    weights /= np.linalg.norm(weights, axis=0)
    signal = np.hstack([informative, informative @ weights])
    return signal, rng.permutation(n)[: n_informative + n_redundant]


def _draw_counts(signal, positions, n, mean_count, depths, rng):
    """Poisson counts as csr; irrelevant reads are thrown, not drawn cell by cell."""
    rates = np.exp(rng.standard_normal(n) - 0.5) * mean_count
    means = depths[:, None] * rates[positions] * np.exp(signal - 0.5)
    rates[positions] = 0.0
    order = np.argsort(positions)
    relevant = sparse.coo_matrix(rng.poisson(means[:, order]))
    columns = positions[order][relevant.col].astype(np.int32)
    shape = (len(depths), n)
    # Given their number, independent Poisson counts are thrown reads.
    n_reads = rng.poisson(depths * rates.sum())
    edges = np.cumsum(rates)
    reads = edges.searchsorted(rng.uniform(0, edges[-1], n_reads.sum()), "right")
    reads = reads.astype(np.int32)
    rows = np.repeat(np.arange(len(depths), dtype=np.int32), n_reads)
    ones = np.ones(len(reads), dtype=np.float32)
    values = np.concatenate([relevant.data.astype(np.float32), ones])
    where = (np.concatenate([relevant.row, rows]), np.concatenate([columns, reads]))
    return sparse.csr_matrix((values, where), shape)


def _name_roles(positions, n_informative, features):
    roles = np.full(len(features), "irrelevant", dtype=object)
    roles[positions[:n_informative]] = "informative"
    roles[positions[n_informative:]] = "redundant"
    return pd.Series(roles, features, name="role")


def _draw_markers(reference, n_clusters, probabilities, rng):
    """Boolean (n_clusters, n_features) of every modality: who is differential."""
    p_dmp, p_deg, p_dep = probabilities
    sizes = dict(zip(OMICS, map(len, _feature_names(reference)), strict=True))

    def draw(omics, p):
        return rng.uniform(size=(n_clusters, sizes[omics])) < p

    cpgs = draw("methylation", p_dmp)
    if p_deg is None:
        genes = np.zeros((n_clusters, sizes["expression"]), dtype=bool)
        cluster, cpg = np.nonzero(cpgs)
        genes[cluster, reference.gene_of["methylation"][cpg]] = True
    else:
        genes = draw("expression", p_deg)
    if p_dep is None:
        proteins = genes[:, reference.gene_of["protein"]]
    else:
        proteins = draw("protein", p_dep)
    return dict(zip(OMICS, (cpgs, genes, proteins), strict=True))


def _draw_blocks(reference, means, covariance, codes, rng):
    """One array (n_samples, n_features) per modality, all samples at once."""
    blocks = {}
    for omics in OMICS:
        noise = rng.standard_normal((len(codes), means[omics].shape[1]))
        if covariance[omics] == "inductive":
            noise *= reference.spreads[omics]
        else:
            noise = noise @ reference.roots[omics]
        blocks[omics] = means[omics][codes] + noise
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
    values = np.hstack([blocks[omics] for omics in OMICS])
    X = pd.DataFrame(values, index=index, columns=reference.columns)
    return X, pd.Series(labels, index=index, name="subtype")


def _bunch(reference, X, y, names, markers, effect, descr):
    index = pd.Index(names, name="subtype")
    differential = {
        omics: pd.DataFrame(markers[omics], index=index, columns=features)
        for omics, features in zip(OMICS, _feature_names(reference), strict=True)
    }
    return Bunch(
        data=X,
        target=y,
        omics=list(OMICS),
        target_names=names,
        differential=differential,
        cpg_gene_map=reference.cpg_gene_map,
        protein_gene_map=reference.protein_gene_map,
        effect=effect,
        reference=reference,
        DESCR=descr,
    )


def _describe(reference, names, counts, effect, probabilities, covariance):
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
        covariance=", ".join(f"{omics} {kind}" for omics, kind in covariance.items()),
        p_dmp=p_dmp,
        genes="follow" if p_deg is None else f"with probability {p_deg}",
        proteins="follow" if p_dep is None else f"with probability {p_dep}",
    )


def _check_reference(reference):
    if reference is None:
        return IntersimReference.synthetic()
    if not isinstance(reference, IntersimReference):
        raise TypeError(
            f"reference is a {type(reference).__name__}, not an IntersimReference. "
            "Make one, for example with IntersimReference.from_directory(path)."
        )
    return reference


def _check_effect(effect, names=OMICS):
    if not isinstance(effect, dict):
        return dict.fromkeys(names, check_real("effect", effect))
    if set(effect) != set(names):
        raise ValueError(
            f"effect has the keys {list(effect)}, but wants exactly {list(names)}. "
            "Give 0.0 to a modality without differences."
        )
    return {o: check_real(f"effect[{o!r}]", effect[o]) for o in names}


def _check_sizes(n_features, n_informative, n_redundant):
    """Return (n_features, n_informative, n_redundant) of each modality."""
    if n_features is None:
        n_features = {"rna": 1000, "mirna": 200, "protein": 100}
    if not isinstance(n_features, dict) or not n_features:
        raise TypeError(
            f"n_features is {n_features!r}. Give a dict of omics to their number of "
            "features, such as {'rna': 1000, 'protein': 100}."
        )
    given = {
        "n_features": n_features,
        "n_informative": _per_omics("n_informative", n_informative, n_features),
        "n_redundant": _per_omics("n_redundant", n_redundant, n_features),
    }
    for (name, numbers), low in zip(given.items(), (1, 0, 0), strict=True):
        for omics, number in numbers.items():
            check_integer(f"{name}[{omics!r}]", number, low)
    sizes = {o: tuple(numbers[o] for numbers in given.values()) for o in n_features}
    for omics, (n, informative, redundant) in sizes.items():
        if informative + redundant > n or (redundant and not informative):
            raise ValueError(
                f"Omics {omics!r} has {n} features, but {informative} informative and "
                f"{redundant} redundant ones are wanted. Redundant ones need an "
                "informative one; ask for fewer, or for more features."
            )
    return sizes


def _per_omics(name, numbers, n_features):
    if not isinstance(numbers, dict):
        return dict.fromkeys(n_features, numbers)
    if set(numbers) != set(n_features):
        raise ValueError(
            f"{name} has the keys {list(numbers)}, but wants exactly "
            f"{list(n_features)}. Give 0 to a modality without any."
        )
    return numbers


def _check_distribution(distribution, mean_count, sparse_output):
    """Return whether the output is sparse."""
    if distribution not in ("normal", "counts"):
        raise ValueError(
            f"distribution is {distribution!r}; it can be 'normal' or 'counts'."
        )
    if check_real("mean_count", mean_count) <= 0:
        raise ValueError(f"mean_count is {mean_count}. Give a number > 0.")
    if sparse_output and distribution == "normal":
        raise ValueError(
            "sparse_output is True, but normal values are never 0. Use "
            "distribution='counts', or sparse_output=False."
        )
    return distribution == "counts" if sparse_output is None else bool(sparse_output)


def _check_covariance(covariance):
    kinds = covariance
    if not isinstance(covariance, dict):
        kinds = dict.fromkeys(OMICS, covariance)
    words = all(isinstance(k, str) and k in _COVARIANCES for k in kinds.values())
    if set(kinds) != set(OMICS) or not words:
        raise ValueError(
            f"covariance is {covariance!r}; it can be 'reference', 'inductive' or a "
            f"dict of one of them for each of {list(OMICS)}. A matrix of your own goes "
            "into the reference, with dataclasses.replace."
        )
    return {omics: kinds[omics] for omics in OMICS}


def _check_probabilities(p_dmp, p_deg, p_dep):
    for name, p in {"p_dmp": p_dmp, "p_deg": p_deg, "p_dep": p_dep}.items():
        if p is None and name != "p_dmp":
            continue
        check_probability(name, p)
    return p_dmp, p_deg, p_dep
