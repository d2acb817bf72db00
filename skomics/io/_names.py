"""What the names of rows and columns tell."""

import re

from skomics._tcga import is_barcode
from skomics.io._corners import FEATURE_CORNERS, SAMPLE_CORNERS, simplify
from skomics.io._no_genes import is_no_gene

__all__ = [
    "count_leading",
    "guess_kind",
    "is_corner",
    "is_description",
    "is_feature_corner",
    "is_feature_name",
    "is_sample_corner",
    "may_be_corner",
    "same_shape",
]

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
_SAMPLE = re.compile(r"GSM\d{3,}")
# These stand over names, but do not say of what.
_CORNERS = frozenset(
    "sample samples id ids name names index rownames row_names rowname row_name row "
    "subjects subjectid patients cells case cases caseid donor donor_id individual "
    "participant participant_id submitter_id individual_id aliquot aliquot_id "
    "specimen_id sample_name samplename unnamed:_0 omics".split()
)
_ID = re.compile(r"[a-z_]*(_ids?|barcodes?)")
_WORDS = frozenset(
    "id barcode sample samples patient patients case subject donor gene genes probe "
    "symbol feature".split()
)
# Columns over the names of features, as cBioPortal and Xena call them.
_LEADING = frozenset(
    ["Hugo_Symbol", "Entrez_Gene_Id", "Cytoband", "ENTITY_STABLE_ID", "NAME"]
    + ["DESCRIPTION", "TRANSCRIPT_ID", "URL", "Composite.Element.REF", "GENE_SYMBOL"]
    + ["PHOSPHOSITE"]
)
# Columns that stand beside the names of features, as GDC, Ensembl and counting
# programs call them.
_BESIDE = frozenset(
    "gene_id gene_name gene_type gene_biotype gene_symbol symbol biotype description "
    "name hgnc_symbol external_gene_name entrezgene entrezgene_id entrez_id "
    "ensembl_gene_id ensembl_id transcript_id transcript_id(s) gene_description "
    "gene_version chr chrom chromosome seqname start end strand length "
    "gene_length cytoband".split()
)
# Leading columns that describe a feature but do not name it.
_DESCRIPTIONS = frozenset(
    "cytoband description transcript_id transcript_id(s) url name gene_name gene_type "
    "gene_biotype biotype external_gene_name gene_description gene_version chr chrom "
    "chromosome seqname start end strand length gene_length".split()
)


def is_feature_corner(name):
    """Tell whether the heading of a column says that it names features."""
    return name in _LEADING or simplify(name) in FEATURE_CORNERS


def is_sample_corner(name):
    """Tell whether the heading of a column says that it names samples."""
    return simplify(name) in SAMPLE_CORNERS


def is_corner(name):
    """Tell whether the heading of a column says that it names anything."""
    plain = simplify(name)
    return (
        is_feature_corner(name)
        or is_sample_corner(name)
        or plain in _CORNERS
        or _ID.fullmatch(plain) is not None
    )


def may_be_corner(name):
    """Tell whether the heading of a column speaks of what has names."""
    return is_corner(name) or not _WORDS.isdisjoint(simplify(name).split("_"))


def is_feature_name(name):
    """Tell whether a name is one that genes, CpGs, miRNA and their kin have."""
    return name in _GENES or _FEATURE.fullmatch(name) is not None


def is_description(name):
    """Tell whether a leading column describes features and does not name them."""
    return simplify(name) in _DESCRIPTIONS


def same_shape(name, rows):
    """Tell whether a name with digits is made like the name of a row.

    Parameters
    ----------
    name : str
        For instance ``p1``.

    rows : list of list of str
        Rows, which begin with a name.

    Returns
    -------
    is_alike : bool
        Whether one differs in its digits only.
    """
    if not re.search(r"\d", name):
        return False
    shape = re.sub(r"\d+", "0", name)
    return any(re.sub(r"\d+", "0", row[0]) == shape for row in rows if row)


def count_leading(names):
    """Count the columns of names before the numbers.

    Parameters
    ----------
    names : list of str
        The header.

    Returns
    -------
    n_leading : int
        1 at least, and one less than there are names at most.
    """
    if not is_feature_corner(names[0]):
        return 1
    n_known = next(
        (
            i
            for i, name in enumerate(names[1:], start=1)
            if name not in _LEADING and simplify(name) not in _BESIDE
        ),
        len(names),
    )
    return max(1, min(n_known, len(names) - 1))


def guess_kind(names):
    """Tell by their names whether an axis holds samples or features.

    Parameters
    ----------
    names : Index or list of str
        The names.

    Returns
    -------
    kind : {"samples", "features"} or None
        None if they say nothing.
    """
    if 2 * sum(map(is_barcode, names)) >= len(names):
        return "samples"
    n_genes = len(_GENES.intersection(names))
    if n_genes >= 3 or 2 * n_genes >= len(names):
        return "features"
    n_known = sum(is_no_gene(names)) + sum(bool(_FEATURE.fullmatch(n)) for n in names)
    if 2 * n_known >= len(names):
        return "features"
    n_samples = sum(bool(_SAMPLE.fullmatch(name)) for name in names)
    return "samples" if 2 * n_samples >= len(names) else None
