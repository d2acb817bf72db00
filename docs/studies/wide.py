"""Measure one fit to wide data: ``python docs/studies/wide.py MODEL SAMPLES FEATURES``.

Prints seconds of the processor and the memory that the fit adds at its peak, for
docs/performance.md. One model a process: a peak is never forgotten.
"""

import resource
import sys
import time

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


def main(name, n_samples, n_features):
    """Fit a model of skomics with its defaults to four classes of noise and signal."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features), dtype=np.float32)
    y = np.arange(n_samples) % 4
    X[:, :50] += y[:, None] / 2
    half, quarter = n_features // 2, n_features // 4
    sizes = [half, quarter, n_features - half - quarter]
    model = getattr(skomics, name)(omics=sizes, random_state=0, device="cpu")
    before = peak()
    fit = seconds(model.fit, X, y)
    added = peak() - before
    predict = seconds(model.predict, X)
    print(f"{name}: fit {fit:.1f} s, predict {predict:.1f} s, {added:.0f} MB added")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
