"""How fast fits are on this machine: ``python -m skomics.benchmark speed``."""

import json
import subprocess
import sys
import time
import warnings
from argparse import ArgumentParser
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from skomics._document import format_table
from skomics._environment import package_versions
from skomics._threads import blas_threads
from skomics.estimators import EFNNClassifier, LFNNClassifier, SMAClassifier
from skomics.model_selection import BatchedSearchCV

__all__ = ["measure_speed", "speed_main"]

_SIZES = (615, 700, 5)
_PEAK_SIZE = 1024
_PACKAGES = ("numpy", "scikit-learn", "torch")
# What a process of its own measures: a peak of memory is never forgotten.
_MEMORY = """
import sys
import numpy as np
from skomics import SMAClassifier
n, p = map(int, sys.argv[1:3])
rng = np.random.default_rng(0)
X = rng.standard_normal((n, p), dtype=np.float32)
def peak():
    with open("/proc/self/status") as lines:
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
before = peak()
SMAClassifier(omics=[p // 2, p - p // 2], device=sys.argv[3], random_state=0).fit(
    X, np.arange(n) % 3
)
print((peak() - before) * 1024 / X.nbytes)
"""


def measure_speed(*, device="auto", n_rounds=3, is_quick=False):
    """Measure fits of skomics beside those of others, in turns.

    Parameters
    ----------
    device : str, default="auto"
        What the networks of skomics are trained on.

    n_rounds : int, default=3
        How often each pair is timed; ratios are medians over the rounds.

    is_quick : bool, default=False
        Whether to measure on small data, to see that it works.

    Returns
    -------
    table : DataFrame
        Columns what, against, ours and theirs (what is measured, in `unit`), ratio and
        unit. What is not installed is left out.

    Notes
    -----
    All is done on one thread of the CPU, or on the device. A ratio of two things that
    were timed in turns says more than seconds, which are those of this machine and of
    what else it does.
    """
    import torch

    from skomics.estimators._device import torch_context

    rows = []
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(blas_threads(1))
        warnings.simplefilter("ignore")
        # The plain loop and the large product are torch's own: it counts its threads
        # itself, and two that wait for one another on a busy machine take far longer.
        stack.enter_context(torch_context(device=torch.device("cpu")))
        rows += _beside_others(device, n_rounds, is_quick)
        rows += _searches(device, is_quick)
        rows += _precisions(device, is_quick)
        rows.append(_share_of_peak(device, is_quick))
        rows += _exponents(device, is_quick)
        rows += _processes(device, is_quick)
    columns = ["what", "against", "ours", "theirs", "ratio", "unit"]
    return pd.DataFrame(rows, columns=columns)


def _data(n_samples, n_features, n_classes):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features)).astype(np.float32)
    y = np.arange(n_samples) % n_classes
    X[:, :20] += y[:, None] / 2
    return StandardScaler().fit_transform(X), y


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _pair(what, against, ours, theirs, n_rounds):
    """Time two functions in turns; return the medians and that of the ratios."""
    times = np.array([[_seconds(ours), _seconds(theirs)] for _ in range(n_rounds)])
    ratio = np.median(times[:, 0] / times[:, 1])
    return (what, against, *np.median(times, axis=0), ratio, "s")


def _beside_others(device, n_rounds, is_quick):
    n_samples, n_features, n_classes = (90, 40, 3) if is_quick else _SIZES
    X, y = _data(n_samples, n_features, n_classes)
    half = n_features // 2
    options = {"device": device, "random_state": 0}
    sma = SMAClassifier(omics=[half, n_features - half], **options)
    efnn = EFNNClassifier(lr_schedule="constant", max_epochs=15, **options)
    shape = f"{n_samples} × {n_features}, {n_classes} classes"
    yield _pair(
        f"EFNNClassifier, {shape}, 15 epochs",
        "a plain torch loop",
        lambda: efnn.fit(X, y),
        lambda: _plain_loop(efnn, X, y),
        n_rounds,
    )
    for name, model in _rivals().items():
        yield _pair(
            f"SMAClassifier, defaults, {shape}",
            name,
            lambda: sma.fit(X, y),
            lambda model=model: model.fit(X, y),
            n_rounds,
        )


def _rivals():
    found = {
        "LogisticRegression": LogisticRegression(C=0.01, max_iter=2000),
        "MLPClassifier": MLPClassifier(max_iter=100, random_state=0),
    }
    if find_spec("pytabkit") is not None:
        from pytabkit import RealMLP_TD_Classifier, TabM_D_Classifier

        options = {"device": "cpu", "random_state": 0, "n_threads": 1}
        found["RealMLP (pytabkit)"] = RealMLP_TD_Classifier(**options)
        found["TabM (pytabkit)"] = TabM_D_Classifier(**options)
    return found


def _plain_loop(model, X, y):
    """Train the network of a fitted efNN in the plainest way."""
    import torch

    device = model.net_.torch_device
    module = type(model.net_.module_)(**model._module_params).to(device)
    X, y = torch.as_tensor(X).to(device), torch.as_tensor(y).to(device)
    optimizer = torch.optim.AdamW(module.parameters(), lr=model.lr, fused=True)
    for _ in range(model.max_epochs):
        order = torch.randperm(len(X), device=device)
        for index in order.tensor_split(-(-len(X) // model.batch_size)):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(module(X[index]), y[index]).backward()
            optimizer.step()


def _searches(device, is_quick):
    """Yield searches of one process beside scikit-learn's, which is timed once."""
    n_samples, n_features, n_classes = (60, 40, 2) if is_quick else (180, 1600, 3)
    X, y = _data(n_samples, n_features, n_classes)
    model = SMAClassifier(omics=[n_features], device=device, random_state=0)
    model.set_params(max_epochs=3 if is_quick else "auto")
    grid = {"lr": [1e-3, 3e-3, 1e-2], "weight_decay": [0.1, 1.0, 10.0]}
    if is_quick:
        del grid["weight_decay"]
    n_candidates = len(ParameterGrid(grid))
    theirs = _seconds(lambda: GridSearchCV(model, grid, cv=2).fit(X, y))
    for halving in (None, 3):
        search = BatchedSearchCV(model, grid, cv=2, halving=halving)
        ours = _seconds(lambda search=search: search.fit(X, y))
        name = "BatchedSearchCV" + (f"(halving={halving})" if halving else "")
        what = f"{name}, {n_candidates} candidates of SMA, {n_samples} × {n_features}"
        yield (what, "GridSearchCV", ours, theirs, ours / theirs, "s")


def _precisions(device, is_quick):
    """Yield the time, and the accuracy on the other half, in lower precision."""
    n_samples, n_features, n_classes = (90, 40, 3) if is_quick else _SIZES
    X, y = _data(n_samples, n_features, n_classes)
    half = n_samples // 2
    exact = SMAClassifier(omics=[n_features], device=device, random_state=0)
    exact.set_params(max_epochs=3 if is_quick else "auto").fit(X[:half], y[:half])
    on_cuda = exact.net_.torch_device.type == "cuda"
    for precision in ("tf32", "bf16") if on_cuda else ("bf16",):
        model = clone(exact).set_params(precision=precision)
        what = f"SMAClassifier in {precision}, {half} × {n_features}"
        yield _pair(
            what,
            "in float32",
            lambda model=model: model.fit(X[:half], y[:half]),
            lambda: exact.fit(X[:half], y[:half]),
            n_rounds=1,
        )
        ours, theirs = (m.score(X[half:], y[half:]) for m in (model, exact))
        yield (what, "in float32", ours, theirs, ours / theirs, "accuracy")


def _share_of_peak(device, is_quick):
    """Return the arithmetic of a fit of SMA by what the machine does in that time."""
    from torch.utils.flop_counter import FlopCounterMode

    n_samples, n_features, n_classes = (90, 40, 3) if is_quick else _SIZES
    X, y = _data(n_samples, n_features, n_classes)
    model = SMAClassifier(linear_path=None, device=device, random_state=0)
    model.set_params(omics=[n_features], max_epochs=2 if is_quick else 10).fit(X, y)
    seconds = min(_seconds(lambda: model.fit(X, y)) for _ in range(2))
    with FlopCounterMode(display=False) as counter:
        # On a device, steps that are played back pass the counter by.
        clone(model).set_params(device="cpu").fit(X, y)
    ours = counter.get_total_flops() / seconds / 1e9
    peak = _peak(model.net_.torch_device, 64 if is_quick else _PEAK_SIZE)
    what = f"arithmetic of SMAClassifier, {n_samples} × {n_features}, no path"
    return (what, "a large product", ours, peak, ours / peak, "GFLOP/s")


def _peak(device, size):
    """Return the arithmetic of one large product in single precision."""
    import torch

    a, b = (torch.randn(size, size, device=device) for _ in range(2))

    def product():
        (a @ b).sum().item()

    product()
    return 2 * size**3 / min(_seconds(product) for _ in range(20)) / 1e9


def _exponents(device, is_quick):
    """Yield how the time of a fit grows with samples and with features."""
    base = (60, 200) if is_quick else (150, 2000)
    for kind in (SMAClassifier, LFNNClassifier):
        model = kind(max_epochs=5, device=device, random_state=0)
        for axis, name in enumerate(("samples", "features")):
            sizes, times = [], []
            for factor in (1, 2, 4):
                shape = list(base)
                shape[axis] *= factor
                X, y = _data(*shape, 3)
                model.set_params(omics=[shape[1] // 2, shape[1] - shape[1] // 2])
                fit = partial(model.fit, X, y)
                times.append(min(_seconds(fit) for _ in range(3)))
                sizes.append(shape[axis])
            slope = np.polyfit(np.log(sizes), np.log(times), 1)[0]
            what = f"{kind.__name__}, {sizes[-1]:,} {name}"
            against = f"{sizes[0]:,} {name} (ratio: exponent)"
            yield (what, against, times[-1], times[0], slope, "s")


def _processes(device, is_quick):
    """Yield what needs a process of its own: imports, and peaks of memory."""
    base = min(_run("pass") for _ in range(2))
    ours = min(_run("from skomics import SMAClassifier") for _ in range(2)) - base
    others = "import torch, skorch, sklearn.model_selection"
    theirs = min(_run(others) for _ in range(2)) - base
    name = "torch, skorch and scikit-learn"
    yield ("import of SMAClassifier", name, ours, theirs, ours / theirs, "s")
    # Less than the noise of a busy machine.
    light = max(0.0, min(_run("import skomics") for _ in range(2)) - base)
    yield ("import skomics", "", light, np.nan, np.nan, "s")
    shape = ["60", "2000"] if is_quick else ["200", "250000"]
    if sys.platform.startswith("linux"):
        out = _python(_MEMORY, *shape, device).stdout
        what = f"memory of SMAClassifier.fit, {' × '.join(shape)}"
        yield (what, "the data", float(out), 1.0, float(out), "times")


def _run(code):
    return _seconds(lambda: _python(code))


def _python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )


def speed_main(argv):
    """Print how fast fits are: ``python -m skomics.benchmark speed``.

    Parameters
    ----------
    argv : list of str
        Arguments.

    Returns
    -------
    code : int
        0.
    """
    args = _make_parser().parse_args(argv)
    table = measure_speed(device=args.device, n_rounds=args.rounds, is_quick=args.quick)
    versions = package_versions(_PACKAGES)
    if args.json:
        rows = json.loads(table.to_json(orient="records"))
        print(json.dumps({"versions": versions, "rows": rows}, indent=1))
        return 0
    print(format_table([list(table.columns), *map(_cells, table.to_numpy())]))
    print(" ".join(f"{name}={number}" for name, number in versions.items()))
    return 0


def _cells(row):
    what, against, *numbers, unit = row
    return [what, against, *(_format(number) for number in numbers), unit]


def _format(number):
    return "–" if np.isnan(number) else f"{number:.3g}"


def _make_parser():
    parser = ArgumentParser(
        prog="python -m skomics.benchmark speed",
        description="Measure fits of skomics beside those of others, in turns, on one "
        "thread: ratios, share of the machine's arithmetic, exponents, imports and "
        "memory, in a few minutes.",
    )
    parser.add_argument(
        "--device",
        default="auto",
        help="what networks are trained on, such as cpu or cuda (default: %(default)s)",
    )
    parser.add_argument(
        "--rounds",
        metavar="N",
        type=int,
        default=3,
        help="how often each pair is timed (default: %(default)s)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small data, to see that it works"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser
