"""A run in several parts, each by a process of its own, perhaps on another machine."""

from __future__ import annotations

import json
import re
from itertools import chain
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from skomics._warnings import warn
from skomics.benchmark._prediction_store import (
    PredictionStore,
    has_stored_predictions,
    name_files,
    read_stored,
)
from skomics.benchmark._results import KEY
from skomics.benchmark._store import (
    ResultsStore,
    lock_results,
    read_commands,
    read_results,
    write_commands,
)

if TYPE_CHECKING:
    from skomics._typing import StrPath

__all__ = [
    "deal_fits",
    "has_shards",
    "mark_shard",
    "merge_shards",
    "read_shard",
    "shard_folder",
]

_FOLDER = re.compile(r"shard-(\d+)-of-(\d+)")
_STATE = "shard.json"
# What is one and the same in all rows of a task, and of a task and a model.
_SAME: dict[str, str | list[str]] = {
    "seed": "task",
    "data": "task",
    "n_folds": "task",
    "settings": ["task", "model"],
}


def read_shard(shard):
    """Return number and count of a shard.

    Parameters
    ----------
    shard : str or tuple of (int, int)
        "2/8" is the second of eight.

    Returns
    -------
    number, count : int
        The number begins with 1.

    Raises
    ------
    ValueError
        If it is no such pair.
    """
    try:
        parts = map(int, shard.split("/")) if isinstance(shard, str) else shard
        number, count = map(index, parts)
    except (TypeError, ValueError):
        number = count = 0
    if not 1 <= number <= count:
        raise ValueError(
            f"Got shard={shard!r}, but number/count is wanted, such as 2/8 for the "
            "second of eight; the number is between 1 and the count."
        )
    return number, count


def deal_fits(fits, shard):
    """Return the fits of a shard.

    Parameters
    ----------
    fits : list
        Those of the whole run: task by task, fold by fold, model by model.

    shard : str, tuple of (int, int) or None
        From the user; None is all.

    Returns
    -------
    fits : list
        One of each `count` fits in turn, and from one turn to the next another one, so
        that no shard has all fits of a slow model.
    """
    if shard is None:
        return fits
    number, count = read_shard(shard)
    n_turns = -(-len(fits) // count)
    places = [_place(turn, number, count) for turn in range(n_turns)]
    return [fits[place] for place in places if place < len(fits)]


def _place(turn, number, count):
    """Return which fit of all a shard has in a turn."""
    return turn * count + (number - 1 - turn) % count


def shard_folder(output, shard):
    """Return the folder of a shard's results.

    Parameters
    ----------
    output : str or Path
        The folder of the whole run.

    shard : tuple of (int, int)
        From :func:`read_shard`.

    Returns
    -------
    folder : Path
        Within `output`.
    """
    return Path(output) / "shard-{}-of-{}".format(*shard)


def mark_shard(folder, *, is_finished):
    """Note whether a shard has done all of its fits.

    Parameters
    ----------
    folder : Path
        From :func:`shard_folder`; it is made if need be.

    is_finished : bool
        False when it begins, True at its end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"is_finished": is_finished})
    (folder / _STATE).write_text(f"{text}\n", encoding="utf-8")


def _find_shards(folder):
    """Return the folders of the shards by number, and how many there should be."""
    found = {
        path: tuple(map(int, match.groups()))
        for path in sorted(Path(folder).glob("shard-*"))
        if (match := _FOLDER.fullmatch(path.name)) and path.is_dir()
    }
    counts = sorted({count for _, count in found.values()})
    if len(counts) > 1:
        raise ValueError(
            f"{folder} holds shards of runs in {' and '.join(map(str, counts))} parts, "
            "which would mix. Move those of one run away."
        )
    return {number: path for path, (number, _) in found.items()}, sum(counts)


def has_shards(folder):
    """Tell whether a folder holds shards of a run.

    Parameters
    ----------
    folder : str or Path
        An output folder.

    Returns
    -------
    answer : bool
        Whether there is one at least.
    """
    return any(_FOLDER.fullmatch(path.name) for path in Path(folder).glob("shard-*"))


def merge_shards(folder: StrPath) -> pd.DataFrame:
    """Put the results of all shards of a run into one file.

    Parameters
    ----------
    folder : str or Path
        The output folder of the whole run.

    Returns
    -------
    results : DataFrame
        The rows of all shards, which are now in results.csv of the folder, too, with
        what was predicted beside it. Merging again adds what has come since.

    Raises
    ------
    ValueError
        If the shards are of different runs, or none has a finished fit.

    Warns
    -----
    UserWarning
        If a shard is missing or has not done all of its fits, or they were run with
        other versions or on other kinds of processors.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skomics.benchmark import merge_shards, run_benchmark
    >>> from skomics.datasets import make_intersim
    >>> data = make_intersim(n_samples=60, n_clusters=2, effect=0.3, random_state=0)
    >>> options = {"n_folds": 4, "n_repeats": 1}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for shard in ("1/2", "2/2"):
    ...         file = f"{folder}/shard-{shard.replace('/', '-of-')}/results.csv"
    ...         _ = run_benchmark(
    ...             {"small": data}, {"bayes": GaussianNB()},
    ...             shard=shard, output=file, **options,
    ...         )
    ...     len(merge_shards(folder))
    4
    """
    folders, count = _find_shards(folder)
    files = {n: path / "results.csv" for n, path in folders.items()}
    files = {n: file for n, file in files.items() if file.exists()}
    tables = {n: read_results(file) for n, file in files.items()}
    if not sum(map(len, tables.values())):
        raise ValueError(
            f"{folder} holds no shard with a finished fit. Run them first, each with "
            "--shard number/count."
        )
    rows = pd.concat(tables.values(), ignore_index=True)
    _check_same_run(rows, folder)
    _warn_of_versions(rows)
    _warn_of_rest(folders, count)
    target = Path(folder) / "results.csv"
    with lock_results(target):
        store = ResultsStore(target)
        for file in files.values():
            store.rows |= ResultsStore(file).rows
        keys = sorted(store.rows, key=_in_plan(tables, count))
        results = store.finish(keys)
        _merge_predictions(target, files.values(), keys)
    commands = chain.from_iterable(map(read_commands, folders.values()))
    write_commands(folder, [*read_commands(folder), *commands])
    return results


def _in_plan(tables, count):
    """Return what puts fits in the order in which one run would have them."""
    places = {}
    for number, table in tables.items():
        keys = zip(*(table[name] for name in KEY), strict=True)
        places |= {key: _place(turn, number, count) for turn, key in enumerate(keys)}
    return lambda key: places.get(key, -1)


def _check_same_run(rows, folder):
    for column, parts in _SAME.items():
        for name, part in rows.groupby(parts):
            values = part[column].unique().tolist()
            if len(values) > 1:
                what = name if isinstance(name, str) else " and ".join(name)
                raise ValueError(
                    f"The shards in {folder} are of different runs: {what} has "
                    f"{len(values)} values of {column}, {values[:2]}. Run the shards "
                    "with the same options, data and versions."
                )


def _warn_of_versions(rows):
    versions = rows["versions"].unique().tolist()
    if len(versions) > 1:
        warn(
            f"The shards are from {len(versions)} kinds of machines or versions, "
            f"{' and '.join(versions[:2])}: sums are rounded otherwise on others, and "
            "other versions may learn otherwise."
        )


def _warn_of_rest(folders, count):
    missing = sorted(set(range(1, count + 1)) - set(folders))
    unfinished = [n for n, path in sorted(folders.items()) if not _is_finished(path)]
    if missing or unfinished:
        warn(
            f"Of {count} shards {len(missing)} are missing ({_name(missing)}) and "
            f"{len(unfinished)} are not finished ({_name(unfinished)}). Run their "
            "commands (again), then merge again."
        )


def _is_finished(path):
    state = path / _STATE
    if not state.exists():
        return True  # from Python, where the caller knows
    return json.loads(state.read_text(encoding="utf-8"))["is_finished"]


def _name(numbers):
    return ", ".join(map(str, numbers)) or "none"


def _merge_predictions(target, files, keys):
    """Put what the shards have predicted beside the merged results."""
    files = [file for file in files if has_stored_predictions(file)]
    if files:
        found = [read_stored(*name_files(file)) for file in files]
        PredictionStore(target).replace(pd.concat(found, ignore_index=True), keys)
