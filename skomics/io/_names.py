"""What names tell: which are of samples, and which of features."""

import re

from skomics._tcga import is_barcode
from skomics.io._no_genes import is_no_gene

__all__ = ["guess_kind", "is_feature_name"]

_FEATURE = re.compile(
    r"ENS[A-Z]*[GTP]\d{6,}(\.\d+)?"
    r"|cg\d{5,}"
    r"|(hsa|mmu|rno)[.-](mir|let)[.-].+"
    r"|MIMAT\d+"
    r"|rs\d{3,}"
    r"|chr[\dXYM]+[:_-]\d+[:_-]\d+",
    re.IGNORECASE,
)
# Genes that most panels hold; three of them on one axis tell features.
_GENES = frozenset(
    "ABL1 ACTB AKT1 AKT2 ALK APC AR ARID1A ATM BAP1 BCL2 BRAF BRCA1 BRCA2 CCND1 CCNE1 "
    "CD4 CD8A CDH1 CDK4 CDK6 CDKN1A CDKN2A CTNNB1 EGFR EP300 ERBB2 ERBB3 ESR1 EZH2 "
    "FGFR1 FGFR2 FGFR3 FOXA1 GAPDH GATA3 HRAS IDH1 IDH2 IGF1R JAK2 KDR KIT KRAS "
    "MAP2K1 MAPK1 MDM2 MET MKI67 MLH1 MTOR MYC NF1 NOTCH1 NRAS PDGFRA PGR PIK3CA "
    "PIK3R1 PTEN RAF1 RB1 RET SMAD4 SRC STAT3 STK11 TERT TP53 VEGFA VHL".split()
)


def is_feature_name(name):
    """Tell whether a name is one that genes, CpGs, miRNA and their kin have."""
    return name in _GENES or _FEATURE.fullmatch(name) is not None


def guess_kind(names):
    """Tell by their names whether an axis holds samples or features.

    Parameters
    ----------
    names : Index
        The names of an axis.

    Returns
    -------
    kind : {"samples", "features"} or None
        None if the names do not tell.
    """
    if 2 * sum(map(is_barcode, names)) >= len(names):
        return "samples"
    n_genes = len(_GENES.intersection(names))
    if n_genes >= 3 or 2 * n_genes >= len(names):
        return "features"
    n_known = sum(is_no_gene(names)) + sum(bool(_FEATURE.fullmatch(n)) for n in names)
    return "features" if 2 * n_known >= len(names) else None
