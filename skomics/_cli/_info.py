"""``skomics info``: what is in a model, a folder or a table."""

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._blocks import read_blocks
from skomics._cli._console import print_json
from skomics._cli._data import add_data, add_labels, has_labels, read_data
from skomics._modality import missing_fraction, modality_mask

__all__ = ["add_arguments"]

_EXAMPLE = """\
Of a model: what it is, what it has learned from, its features and classes. Of data:
modalities, shapes, missing values, ids and classes.

example:
  skomics info cohort/train
  skomics info model.safetensors --json
"""


def add_arguments(parser):
    """Add the arguments of the command."""
    add_data(parser, what="a model, or samples")
    add_labels(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.epilog = _EXAMPLE
    parser.set_defaults(run=info)


def info(args):
    """Say what is in a model or in data."""
    is_model = len(args.data) == 1 and args.data[0].endswith(".safetensors")
    found = _describe_model(args.data[0]) if is_model else _describe_data(args)
    if args.json:
        print_json(found)
    else:
        (_print_model if is_model else _print_data)(found)


def _describe_model(path):
    from skomics.inspection._unroll import unwrap
    from skomics.persistence import load_model

    model = load_model(path)
    steps = unwrap(model)
    receipt = next(
        (r for s in reversed(steps) if (r := getattr(s, "fit_receipt_", None))), {}
    )
    return {
        "path": str(path),
        "model": repr(model),
        "steps": [type(step).__name__ for step in steps],
        "classes": [str(label) for label in getattr(model, "classes_", [])],
        "n_features": getattr(model, "n_features_in_", None),
        "receipt": receipt,
    }


def _print_model(found):
    print(f"{found['path']}: {' -> '.join(found['steps'])}")
    receipt = found["receipt"]
    if receipt:
        versions = receipt.get("versions", {})
        print(f"  learned from {receipt['n_samples']} samples, skomics ", end="")
        print(f"{versions.get('skomics', '?')}")
        for omics in receipt.get("omics", []):
            print(
                f"  {omics['name']}: {omics['n_features']} features, lacked by "
                f"{omics['n_lacking']} samples"
            )
    counts = {str(c["label"]): c["n_samples"] for c in receipt.get("classes", [])}
    classes = [f"{c} ({counts[c]})" if c in counts else c for c in found["classes"]]
    print(f"  classes: {', '.join(classes)}")


def _describe_data(args):
    X, y = read_data(args.data, args, has_labels=has_labels(args.data, args))
    read = read_blocks(X)
    n_samples = next(iter(read.blocks.values())).data.shape[0]
    found = {
        "path": ", ".join(args.data),
        "n_samples": n_samples,
        "samples": _first(read.rows),
        "modalities": [_describe_block(n, b) for n, b in read.blocks.items()],
    }
    if y is not None:
        found["classes"] = {str(k): int(n) for k, n in y.value_counts().items()}
    return found


def _describe_block(name, block):
    has, missing = modality_mask(block.data), missing_fraction(block.data)
    return {
        "name": name,
        "n_features": block.data.shape[1],
        "n_lacking": int((~has).sum()),
        "missing_fraction": missing[has].mean() if has.any() else 1.0,
        "is_sparse": sparse.issparse(block.data),
        "range": _range(block.data),
        "features": _first(block.features),
    }


def _range(data):
    # What a sparse matrix does not store is 0.
    is_sparse = sparse.issparse(data)
    values = np.append(data.data, 0.0) if is_sparse else np.asarray(data, dtype=float)
    if not np.isfinite(values).any():
        return [float("nan")] * 2
    return [float(np.nanmin(values)), float(np.nanmax(values))]


def _first(names):
    return [] if names is None else [str(name) for name in pd.Index(names)[:3]]


def _print_data(found):
    print(f"{found['path']}: {found['n_samples']} samples ", end="")
    print(
        f"({', '.join(found['samples'])}, ...)" if found["samples"] else "without ids"
    )
    for block in found["modalities"]:
        low, high = block["range"]
        print(
            f"  {block['name']}: {block['n_features']} features "
            f"({', '.join(block['features'])}, ...), {low:.3g} to {high:.3g}, "
            f"{'sparse, ' if block['is_sparse'] else ''}"
            f"{block['missing_fraction']:.1%} missing, "
            f"lacked by {block['n_lacking']} samples"
        )
    if "classes" in found:
        classes = (f"{label} ({n})" for label, n in found["classes"].items())
        print(f"  classes: {', '.join(classes)}")
