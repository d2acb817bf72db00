"""Where public data sets are, on what terms, and whom to cite."""

from dataclasses import dataclass

__all__ = [
    "ACGT_CANCERS",
    "MOGONET_CLASSES",
    "XENA_COHORTS",
    "RemoteFile",
    "RemoteSet",
    "acgt_set",
    "mogonet_set",
    "momix_set",
    "xena_set",
]

# Publications and code name it by http only; whether it speaks https is not known here.
ACGT_URL = "http://acgt.cs.tau.ac.il/multi_omic_benchmark/data"
XENA_URL = "https://tcga.xenahubs.net/download"
# The storage behind the hub, where a slash in a name is written %2F.
XENA_MIRROR_URL = "https://tcga-xena-hub.s3.us-east-1.amazonaws.com/download"
# The commit is part of the address, so the files cannot change.
MOGONET_URL = (
    "https://raw.githubusercontent.com/txWang/MOGONET/"
    "32d9066b7fe289b3f7cdb496a5668834079c274c"
)
# The commit that has the metadata; whether it has the counts is not known here.
MOMIX_URL = (
    "https://raw.githubusercontent.com/cantinilab/momix-notebook/"
    "483e4c9260a2de8936fef767dbc11c05e5b69039/data/single-cell"
)

ACGT_CANCERS = tuple(
    "aml breast colon gbm kidney liver lung melanoma ovarian sarcoma".split()
)
XENA_COHORTS = tuple(
    "ACC BLCA BRCA CESC CHOL COAD COADREAD DLBC ESCA GBM GBMLGG HNSC KICH KIRC KIRP "
    "LAML LGG LIHC LUAD LUNG LUSC MESO OV PAAD PCPG PRAD READ SARC SKCM STAD TGCT THCA "
    "THYM UCEC UCS UVM".split()
)
XENA_DATASETS = {
    "expression": "HiSeqV2",
    "mirna": "miRNA_HiSeq_gene",
    "cnv": "Gistic2_CopyNumber_Gistic2_all_thresholded.by_genes",
}
MOGONET_CLASSES = {
    "BRCA": ("Normal-like", "Basal-like", "HER2-enriched", "Luminal A", "Luminal B"),
    "ROSMAP": ("NC", "AD"),
}
# SHA-256 and sizes of files at MOGONET's commit. Of the others, and of what the hosts
# may change, none could be obtained; that of the first download is recorded.
_MOGONET_SHA256 = {
    "ROSMAP/labels_tr.csv": (
        "5859aa107dbf406937938ebefbec122d01fea5d41a9bd0292199f4406749e45d"
    ),
    "ROSMAP/labels_te.csv": (
        "20d728c6f51f79ff5fa7719b960daf22074a0e6e1f3028869042b02ca4e3f68d"
    ),
    "ROSMAP/1_featname.csv": (
        "1df5c536e47eb0d532abbb8bea6a9361bba01a913e03cd03b8ef06fb7849a660"
    ),
    "ROSMAP/2_featname.csv": (
        "7431418fb193e02a1c1431f9446ccc227c8818a4d40c1cb72a2b640a0d8d38b7"
    ),
    "ROSMAP/3_featname.csv": (
        "2b0b3451af16597ae34342a6abc99e397482fef30a61821a8e8fe7cb69276bae"
    ),
}
_MOGONET_SIZES = {
    f"ROSMAP/{i}_{part}.csv": size
    for part, size in (("tr", 1_225_000), ("te", 530_000))
    for i in (1, 2, 3)
}
_TCGA = "TCGA open-access tier; cite the TCGA study of the cancer as well"


@dataclass(frozen=True)
class RemoteFile:
    """A file to download.

    Parameters
    ----------
    path : str
        Its path in the cache.

    url : str
        Its address.

    sha256 : str or None, default=None
        Its SHA-256 where known. Otherwise that of the first download is recorded
        beside the file and holds from then on.

    size : int or None, default=None
        Its size in bytes where known; another is refused.

    mirrors : tuple of str, default=()
        Other addresses of the same file, which are tried where the first fails.
    """

    path: str
    url: str
    sha256: str | None = None
    size: int | None = None
    mirrors: tuple = ()


@dataclass(frozen=True)
class RemoteSet:
    """A data set to download.

    Parameters
    ----------
    title : str
        What it is.

    files : dict of RemoteFile
        Its files by what they hold.

    license : str
        The terms of use.

    citation : str
        The publication to cite.
    """

    title: str
    files: dict
    license: str
    citation: str

    @property
    def description(self):
        """Text for the attribute DESCR of a Bunch."""
        urls = "\n".join(file.url for file in self.files.values())
        return (
            f"{self.title}\n\nLicense: {self.license}.\n"
            f"Citation: {self.citation}.\nSource:\n{urls}\n"
        )


def acgt_set(cancer):
    """Return a cancer of the ACGT benchmark.

    Parameters
    ----------
    cancer : str
        One of `ACGT_CANCERS`.

    Returns
    -------
    remote : RemoteSet
        The archives of the tables and of the clinical data of all cancers.
    """
    return RemoteSet(
        f"ACGT multi-omics cancer benchmark: {cancer}",
        {
            "tables": RemoteFile(f"acgt/{cancer}.zip", f"{ACGT_URL}/{cancer}.zip"),
            "clinical": RemoteFile("acgt/clinical.zip", f"{ACGT_URL}/clinical.zip"),
        },
        _TCGA,
        "Rappoport and Shamir, Nucleic Acids Research 46(20), 2018, "
        "doi 10.1093/nar/gky889",
    )


def xena_set(cohort, datasets=None):
    """Return a TCGA cohort of UCSC Xena.

    Parameters
    ----------
    cohort : str
        One of `XENA_COHORTS`.

    datasets : dict of str, default=None
        Name of each modality to its data set on the hub.

    Returns
    -------
    remote : RemoteSet
        The data sets and the clinical matrix.
    """
    names = {**(datasets or XENA_DATASETS), "clinical": f"{cohort}_clinicalMatrix"}
    files = {}
    for omics, name in names.items():
        file = name if omics == "clinical" else f"{name}.gz"
        folder = f"TCGA.{cohort}.sampleMap"
        files[omics] = RemoteFile(
            f"xena/{cohort}/{file}",
            f"{XENA_URL}/{folder}/{file}",
            mirrors=(f"{XENA_MIRROR_URL}/{folder}%2F{file}",),
        )
    return RemoteSet(
        f"UCSC Xena, TCGA hub: {cohort}",
        files,
        _TCGA,
        "Goldman et al., Nature Biotechnology 38, 2020, doi 10.1038/s41587-020-0546-8",
    )


def momix_set():
    """Return the single-cell set of the momix benchmark.

    Returns
    -------
    remote : RemoteSet
        Counts of RNA and ATAC, and the types of the cells.
    """
    parts = {"rna": "RNAseqCounts", "atac": "ATACseqCounts", "metadata": "metadata"}
    names = {part: f"CellLines_{end}.RDS" for part, end in parts.items()}
    return RemoteSet(
        "scCAT-seq of three cell lines (HCT, HeLa, K562), as momix-notebook has it",
        {
            part: RemoteFile(f"momix/{name}", f"{MOMIX_URL}/{name}")
            for part, name in names.items()
        },
        "none stated by the repository; ask its authors before redistribution",
        "Liu et al., Nature Communications 10, 470, 2019, "
        "doi 10.1038/s41467-018-08205-7; Cantini et al., Nature Communications 12, "
        "124, 2021, doi 10.1038/s41467-020-20430-7",
    )


def mogonet_set(name):
    """Return a data set of MOGONET.

    Parameters
    ----------
    name : {"BRCA", "ROSMAP"}
        The data set.

    Returns
    -------
    remote : RemoteSet
        Training and test files and the names of the features.
    """
    files = ["labels_tr.csv", "labels_te.csv"]
    files += [f"{i}_{part}.csv" for i in (1, 2, 3) for part in ("tr", "te", "featname")]
    license = {"BRCA": _TCGA, "ROSMAP": "see the AD Knowledge Portal for ROSMAP"}[name]
    return RemoteSet(
        f"MOGONET: {name}",
        {
            file: RemoteFile(
                f"mogonet/{name}/{file}",
                f"{MOGONET_URL}/{name}/{file}",
                _MOGONET_SHA256.get(f"{name}/{file}"),
                _MOGONET_SIZES.get(f"{name}/{file}"),
            )
            for file in files
        },
        f"repository MIT; data: {license}",
        "Wang et al., Nature Communications 12, 3445, 2021, "
        "doi 10.1038/s41467-021-23774-w",
    )
