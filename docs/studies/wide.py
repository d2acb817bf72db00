"""Measure one fit to wide data: ``python docs/studies/wide.py MODEL SAMPLES FEATURES``.

Prints seconds of the processor and the memory that the fit adds at its peak, for
docs/performance.md. One model a process: a peak is never forgotten. Further arguments
are the number of modalities (3, the first as wide as the others together) and
parameters of the model that are whole numbers: ``... 6 n_tokens=32``.
"""

import resource
import sys
import time
from itertools import pairwise

import numpy as np

import skomics


def peak():
    """Return the largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def seconds(function, *args):
    """Return the seconds of the processor that a call takes."""
    start = time.process_time()
    function(*args)
    return time.process_time() - start


def sizes_of(n_features, n_modalities):
    """Return how many features each modality has."""
    if n_modalities == 1:
        return [n_features]
    half, others = n_features // 2, n_modalities - 1
    rest = n_features - half
    edges = [rest * i // others for i in range(others + 1)]
    return [half, *(b - a for a, b in pairwise(edges))]


def main(name, n_samples, n_features, n_modalities=3, **params):
    """Fit a model of skomics with its defaults to four classes of noise and signal."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features), dtype=np.float32)
    y = np.arange(n_samples) % 4
    X[:, :50] += y[:, None] / 2
    model = getattr(skomics, name)(omics=sizes_of(n_features, n_modalities))
    shared = {"random_state": 0, "device": "cpu"}
    known = model.get_params()
    params |= {key: shared[key] for key in shared if key in known}
    model.set_params(**params)
    before = peak()
    fit = seconds(model.fit, X, y)
    added, data = peak() - before, X.nbytes / 2**20
    predict = seconds(model.predict, X)
    print(
        f"{name}: fit {fit:.1f} s, predict {predict:.1f} s, {added:.0f} MB added",
        end="",
    )
    print(f", {added / data:.2f} times the data")


if __name__ == "__main__":
    sizes = [int(argument) for argument in sys.argv[2:] if "=" not in argument]
    pairs = [argument.split("=") for argument in sys.argv[2:] if "=" in argument]
    main(sys.argv[1], *sizes, **{key: int(value) for key, value in pairs})
