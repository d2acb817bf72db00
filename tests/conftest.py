"""Tiny multi-omics data, real data where they are, and closed figures."""

import os
import random
import shutil
import sys
import zlib
from pathlib import Path

# Small matrix products are several times slower with more threads than cores,
# and the test machine may be busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

# pytest explains a failed assert of what several files import, too.
pytest.register_assert_rewrite("tests.graph.graphs", "tests.modules.graphs")

# Times say nothing on a busy machine, and of a hundred examples few find more.
settings.register_profile("untimed", deadline=None, max_examples=40)
settings.load_profile("untimed")


# What is left for the end is short, so that no process waits for another's long test.
LONG = ("test_search_clusters.py", "test_neighbors.py", "test_site.py", "test_kill.py")
LONG += ("test_notebooks.py", "test_shards.py", "test_counts.py", "test_docs.py")
SHORT = ("test_fuzz.py",)


def turn_of(item):
    name = item.path.name
    return LONG.index(name) if name in LONG else len(LONG) + (name in SHORT)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items):
    """Let tests that compare times, or start processes, run one after another."""
    items.sort(key=turn_of)
    for item in items:
        if any(item.get_closest_marker(name) for name in ("benchmark", "processes")):
            item.add_marker(pytest.mark.xdist_group("alone"))


def pytest_make_parametrize_id(val, argname):
    """Name a test by no bytes: archives hold the time, and processes would differ."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def _seeds(request):
    """Give a test the same draws in every run, also where it leaves a seed out."""
    seed = zlib.crc32(request.node.nodeid.partition("@")[0].encode())
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 what random_state=None draws from
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


REPOSITORY = Path(__file__).parent.parent
SIZES = {"rna": 12, "methylation": 7, "mirna": 5}


def make_tiny(n_samples=48, n_classes=3, seed=0, shift=1.5):
    """Return separable flat omics data: a DataFrame and labels."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n_samples) % n_classes
    columns = [f"{o}__{o[0]}{i}" for o, size in SIZES.items() for i in range(size)]
    centers = rng.normal(scale=shift, size=(n_classes, len(columns)))
    values = centers[codes] + rng.normal(size=(n_samples, len(columns)))
    index = [f"patient_{i:02d}" for i in range(n_samples)]
    X = pd.DataFrame(values, index=index, columns=columns)
    return X, pd.Series(np.array(["LumA", "LumB", "Basal", "Her2"])[codes], index=index)


@pytest.fixture
def tiny():
    """Three separable subtypes measured by three modalities."""
    return make_tiny()


@pytest.fixture
def data_dir():
    """Folder of the real data sets; the test skips where it is absent."""
    path = Path(os.environ.get("SKOMICS_DATA", REPOSITORY.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"real data sets are not at {path}; set SKOMICS_DATA")
    return path


@pytest.fixture
def client():
    """Return a client of a cluster of dask: two processes on this machine."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    options |= {"dashboard_address": ":0", "silence_logs": "CRITICAL"}
    with (
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def pyplot():
    """Return pyplot with a backend that needs no screen, and close its figures."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window, driven by selenium; the test skips without them."""
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs the programs chromium and chromedriver")
    options = selenium.ChromeOptions()
    options.binary_location = program
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(option)
    service = selenium.ChromeService(driver)
    browser = selenium.Chrome(options=options, service=service)
    browser.set_page_load_timeout(60)
    browser.set_script_timeout(60)
    yield browser
    browser.quit()


def set_width(browser, width):
    """Give the window the width of a desk's or a telephone's screen."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1}
    size["mobile"] = width < 500
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
