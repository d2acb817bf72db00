"""``skomics simulate``: a simulated cohort in a folder."""

from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

from skomics._cli._console import UsageError, print_note
from skomics._modality import modality_mask
from skomics.datasets import make_intersim, perturb_omics
from skomics.io import save_folder

__all__ = ["add_arguments"]

_EXAMPLE = """\
Methylation, expression and protein of one cohort, as InterSIM has them. With
--test the last samples are put into FOLDER/test, the others into FOLDER/train.

example:
  skomics simulate cohort --samples 200 --effect 0.3 --test 80 --missing-omics 0.1
"""


def add_arguments(parser):
    """Add the arguments of the command."""
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="is made")
    for name, default, what in (
        ("samples", 200, "number of samples"),
        ("classes", 3, "number of subtypes"),
        ("test", 0, "samples in a test set of their own"),
        ("seed", 0, "seed"),
    ):
        parser.add_argument(
            f"--{name}",
            metavar="N",
            type=int,
            default=default,
            help=f"{what} (default: %(default)s)",
        )
    for name, default, what in (
        ("effect", 0.5, "how far the subtypes are apart"),
        ("missing-omics", 0.0, "share of samples that lack a modality, of each"),
        ("missing-cells", 0.0, "share of single values that are missing"),
    ):
        parser.add_argument(
            f"--{name}",
            metavar="X",
            type=float,
            default=default,
            help=f"{what} (default: %(default)s)",
        )
    parser.add_argument(
        "--layout",
        choices=["csv", "acgt"],
        default="csv",
        help="samples × features as csv; or as the files of the ACGT benchmark are, "
        "with invented barcodes of TCGA (default: %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite files")
    parser.epilog = _EXAMPLE
    parser.set_defaults(run=simulate)


def simulate(args):
    """Write a simulated cohort."""
    if not 0 <= args.test < args.samples:
        raise UsageError(
            f"Got --test {args.test}, but fewer than --samples {args.samples} are "
            "wanted."
        )
    X, y = make_intersim(
        args.samples, args.classes, effect=args.effect, random_state=args.seed
    )
    X, y = perturb_omics(
        X,
        y,
        missing_cells=args.missing_cells,
        missing_omics=args.missing_omics,
        random_state=args.seed,
    )
    has_any = modality_mask(X)
    if not has_any.all():
        print_note(f"{(~has_any).sum()} samples lack all modalities, and are left out")
        X, y = X[has_any], y[has_any]
    if args.layout == "acgt":
        names = [f"TCGA-ZZ-{i:04d}-01" for i in range(1, len(y) + 1)]
        X.index = y.index = pd.Index(names, name="sample")
    parts = {"": (X, y)}
    if args.test:
        rows = train_test_split(
            range(len(y)), test_size=args.test, stratify=y, random_state=args.seed
        )
        parts = {
            name: (X.iloc[sorted(r)], y.iloc[sorted(r)])
            for name, r in zip(("train", "test"), rows, strict=True)
        }
    for name, (samples, labels) in parts.items():
        folder = args.folder / name
        options = {"layout": args.layout, "overwrite": args.force}
        for path in save_folder(samples, labels, folder, **options):
            print(path)
