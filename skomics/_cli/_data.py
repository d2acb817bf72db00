"""DATA of the command line: a folder or files of any layout that the readers know."""

from pathlib import Path

import pandas as pd

from skomics._blocks import read_blocks
from skomics._cli._console import UsageError, print_note
from skomics._inputs import read_input
from skomics.io import load_folder, read_labels, read_omics
from skomics.io._folder import TABLES, find_tables
from skomics.io._join import warn_of_outcomes
from skomics.io._read import name_files
from skomics.io._tenx import is_tenx_folder
from skomics.preprocessing import align_samples

__all__ = [
    "add_data",
    "add_labels",
    "describe_samples",
    "has_labels",
    "keep_out",
    "read_data",
]


def add_data(parser, name="data", *, what="the samples", nargs="+"):
    """Add DATA and how it is read.

    Parameters
    ----------
    parser : ArgumentParser
        The parser.

    name : str, default="data"
        Name of the argument.

    what : str, default="the samples"
        What it is.

    nargs : str, default="+"
        How many there may be.
    """
    parser.add_argument(
        name,
        metavar=name.upper(),
        nargs=nargs,
        help=f"{what}: a folder with a table per modality, or files, each a modality "
        "that is called like the file, or NAME=FILE",
    )
    group = parser.add_argument_group("how the data are read")
    group.add_argument(
        "--omics",
        metavar="NAME",
        nargs="+",
        help="tables of a folder to read, without suffix (default: all)",
    )
    group.add_argument(
        "--join",
        choices=["outer", "inner"],
        default="outer",
        help="keep samples that lack a modality, or leave them out (default: "
        "%(default)s)",
    )
    group.add_argument(
        "--id-level",
        choices=["patient", "sample"],
        help="match TCGA barcodes by patient or by sample, in place of the whole id",
    )
    group.add_argument(
        "--orientation",
        choices=["auto", "samples", "features"],
        default="auto",
        help="what the rows of files are (default: found out from their names)",
    )


def add_labels(parser):
    """Add --target and its column."""
    group = parser.add_argument_group("labels")
    group.add_argument(
        "--target",
        metavar="FILE",
        type=Path,
        help="table with the classes of the samples (default: labels.csv of the "
        "folder)",
    )
    group.add_argument(
        "--target-column",
        metavar="NAME",
        help="its column of classes (default: the only one, or label, or subtype)",
    )
    group.add_argument(
        "--drop-unlabeled",
        action="store_true",
        help="leave out samples without a class, in place of refusing them",
    )


def read_data(paths, args, *, has_labels):
    """Read samples, and their classes if they are wanted.

    Parameters
    ----------
    paths : list of str
        DATA.

    args : Namespace
        With what `add_data`, and for labels `add_labels`, added.

    has_labels : bool
        Whether classes are wanted.

    Returns
    -------
    X : DataFrame, AnnData or dict
        As the readers return it.

    y : Series or None
        The classes.

    Raises
    ------
    UsageError
        If files and folders are mixed, or labels are wanted of files alone.
    """
    y = _read_target(args) if has_labels else None
    folders = [Path(p) for p in paths if _is_folder(p)]
    if folders and len(paths) > 1:
        raise UsageError(
            f"Got the folder {folders[0]} and {len(paths) - 1} other inputs. Give one "
            "folder, or files only."
        )
    drops = has_labels and args.drop_unlabeled and _has_table(folders, args)
    if folders and args.id_level is None and not drops:
        _refuse_orientation(args)
        return _read_folder(folders[0], y, args, has_labels)
    if has_labels and y is None:
        y = _labels_of_folder(folders, args)
    if not folders:
        return _read_files(_name_files(paths), y, args, _is_alone(paths))
    files = find_tables(folders[0], args.omics, _label_files(folders[0], args))
    return _read_files(files, y, args)


def has_labels(paths, args):
    """Tell whether there are classes, without asking for them."""
    names = ("labels.csv", "labels_tr.csv", "clusters.txt")
    return args.target is not None or any(
        Path(paths[0], name).is_file() for name in names
    )


def keep_out(file, *data):
    """Refuse a file that would be read as a modality of a folder of samples.

    Parameters
    ----------
    file : Path or None
        What will be written.

    *data : list of str or None
        DATA.

    Raises
    ------
    UsageError
        If it is a table in one of the folders.
    """
    if file is None or not file.name.lower().endswith(TABLES):
        return
    for path in [path for paths in data for path in paths or ()]:
        if _is_folder(path) and file.resolve().parent == Path(path).resolve():
            raise UsageError(
                f"{file} would be read as a modality of {path} by the next command. "
                "Name a file in another folder."
            )


def _is_folder(path):
    return Path(path).is_dir() and not is_tenx_folder(Path(path))


def _read_target(args):
    if args.target is None:
        if args.target_column is not None:
            raise UsageError("--target-column needs --target, the file it is in.")
        return None
    return _read_labels(args.target, args, column=args.target_column)


def _read_labels(file, args, **options):
    missing = "drop" if args.drop_unlabeled else "error"
    return read_labels(file, missing=missing, **options)


def _refuse_orientation(args):
    if args.orientation != "auto":
        raise UsageError(
            "--orientation is for files. The tables of a folder are turned so that "
            "their samples agree with the labels; give the files by name."
        )


def _read_folder(folder, y, args, has_labels):
    others = None if args.omics else _leave_target_out(folder, args)
    options = {"omics": args.omics or others, "join": args.join}
    if not has_labels:
        X, y = load_folder(folder, labels=None, **options), None
    elif y is not None:
        X, y = load_folder(folder, labels=y, **options)
    else:
        X, y = load_folder(folder, **options)
    if others:  # chosen here, not by the user
        blocks = read_blocks(X).blocks
        features = {name: block.features for name, block in blocks.items()}
        warn_of_outcomes(features, may_choose=True)
    return X, y


def _leave_target_out(folder, args):
    """Return the tables of a folder that also holds the labels; None for all.

    The classes must not be read as a modality, from which they are easily predicted.
    """
    target = getattr(args, "target", None)
    if target is None or target.resolve().parent != folder.resolve():
        return None
    return list(find_tables(folder, None, _label_files(folder, args)))


def _label_files(folder, args):
    target = getattr(args, "target", None)
    given = [folder / "labels.csv", *([] if target is None else [target])]
    return {file.resolve() for file in given}


def _has_table(folders, args):
    """Tell whether the classes are in a table, not in a layout of one's own."""
    return args.target is not None or any((f / "labels.csv").is_file() for f in folders)


def _labels_of_folder(folders, args):
    file = folders[0] / "labels.csv" if folders else None
    if file is None or not file.is_file():
        raise UsageError("The classes are wanted. Name their file with --target FILE.")
    return _read_labels(file, args)


def _name_files(paths):
    """Return the file of each modality, called NAME of NAME=FILE or like the file."""
    files = {}
    for path in paths:
        name, sign, file = path.partition("=")
        # A file may have an equals sign in its name.
        is_named = bool(sign) and not Path(path).exists()
        found = {name: Path(file)} if is_named else name_files([path])
        if files.keys() & found.keys():
            raise UsageError(
                f"Got two files of the modality {next(iter(found))!r}. Call one of "
                "them otherwise, with NAME=FILE."
            )
        files |= found
    return files


def _is_alone(paths):
    """Tell whether there is one file, without a name for what is in it."""
    return len(paths) == 1 and Path(paths[0]).exists()


def _read_alone(name, file, options):
    """Read a file whose modalities keep their own names, if it has several."""
    X = read_omics(file, **options)
    if not hasattr(X, "columns"):
        has_several = "omics" in X.var
        return X if has_several else read_omics({name: file}, **options)
    if X.columns.nlevels == 2:
        return X
    return pd.concat({name: X}, axis=1, names=["omics", "feature"])


def _read_files(files, y, args, is_alone=False):
    options = {"orientation": args.orientation, "ids": y}
    if args.id_level is None:
        if is_alone:
            X = _read_alone(*next(iter(files.items())), options)
        else:
            X = read_omics(files, join=args.join, **options)
        return (X, None) if y is None else _match(X, y, args)
    del options["ids"]
    tables = {name: read_omics(file, **options) for name, file in files.items()}
    return _align(tables, y, args)


def _match(X, y, args):
    """Match what was read as a whole with the classes."""
    if not hasattr(X, "columns"):
        common = X.obs_names.intersection(y.index)
        if len(common) < max(len(y), X.n_obs):
            print_note(
                f"{len(common)} of {X.n_obs} samples have one of {len(y)} labels"
            )
        return X[common], y[common]
    if X.columns.nlevels == 2:
        return _align({name: X[name] for name in X.columns.levels[0]}, y, args)
    X, y, report = align_samples({"omics": X}, y)
    _note(report)
    return X["omics"], y


def _align(tables, y, args):
    *aligned, report = align_samples(tables, y, join=args.join, id_level=args.id_level)
    _note(report)
    return (aligned[0], None) if y is None else tuple(aligned)


def _note(report):
    """Say which samples were left out, if any were."""
    if len(report.dropped) or len(report.duplicates):
        print_note(report)


def describe_samples(X):
    """Return the number of samples and of modalities in words."""
    given = read_input(X)
    names = given.layout.names
    return f"{given.n_samples} samples of {len(names)} modalities ({', '.join(names)})"
