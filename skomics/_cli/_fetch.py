"""``skomics fetch``: a public cohort in a folder."""

from pathlib import Path

from skomics import datasets
from skomics._cli._console import UsageError
from skomics._cli._data import describe_samples
from skomics.datasets._registry import ACGT_CANCERS, MOGONET_CLASSES, XENA_COHORTS
from skomics.io import save_folder

__all__ = ["add_arguments"]

_SOURCES = {
    "acgt": (datasets.fetch_acgt, ACGT_CANCERS),
    "xena": (datasets.fetch_xena, XENA_COHORTS),
    "mogonet": (datasets.fetch_mogonet, tuple(MOGONET_CLASSES)),
}
_EXAMPLE = f"""\
sources: acgt ({", ".join(ACGT_CANCERS)});
  xena ({", ".join(XENA_COHORTS[:4])}, ...); mogonet ({", ".join(MOGONET_CLASSES)});
  momix (one single-cell set, without a name).

example:
  skomics fetch acgt breast --target-column PAM50Call_RNAseq -o brca
"""


def add_arguments(parser):
    """Add the arguments of the command."""
    parser.add_argument("source", choices=[*_SOURCES, "momix"], metavar="SOURCE")
    parser.add_argument("name", nargs="?", metavar="NAME", help="cancer or cohort")
    parser.add_argument(
        "--target-column",
        metavar="NAME",
        help="column of the clinical data that holds the classes (acgt, xena)",
    )
    parser.add_argument(
        "-o", "--output", metavar="FOLDER", type=Path, required=True, help="is made"
    )
    parser.add_argument("--force", action="store_true", help="overwrite files")
    parser.epilog = _EXAMPLE
    parser.set_defaults(run=fetch)


def fetch(args):
    """Download a cohort, and write it as a folder."""
    cohort = _load(args)
    print(cohort.DESCR)
    print(describe_samples(cohort.data))
    options = {"overwrite": args.force}
    for path in save_folder(cohort.data, cohort.target, args.output, **options):
        print(path)


def _load(args):
    options = {}
    if args.target_column is not None:
        if args.source not in ("acgt", "xena"):
            raise UsageError(f"--target-column is not for {args.source}.")
        options["target_column"] = args.target_column
    if args.source == "momix":
        return datasets.fetch_momix_single_cell()
    load, known = _SOURCES[args.source]
    if args.name not in known:
        raise UsageError(
            f"Got {args.name or 'no name'}, but {args.source} has {', '.join(known)}."
        )
    return load(args.name, **options)
