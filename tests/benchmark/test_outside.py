"""Other programs as contenders: tables in, probabilities out, and never a wait."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import check_get_params_invariance

from skomics.benchmark import ProgramClassifier, run_benchmark
from skomics.benchmark import _outside as outside
from skomics.benchmark._models import MODEL_GROUPS, MODELS
from skomics.benchmark._outside import DiabloClassifier, FlexynesisClassifier
from skomics.datasets import make_multiomics, perturb_omics

# A small program in place of another's: the nearest mean of all modalities.
NEAREST = """
import sys
from pathlib import Path
import numpy as np
import pandas as pd

def read(part):
    paths = sorted(p for p in Path(part).glob("*.csv") if p.name != "labels.csv")
    return pd.concat([pd.read_csv(p, index_col="id") for p in paths], axis=1).fillna(0)

train, test = read("train"), read("test")
labels = pd.read_csv("train/labels.csv", index_col="id", dtype=str)["label"]
means = train.groupby(labels).mean()
gaps = ((test.to_numpy()[:, None] - means.to_numpy()) ** 2).mean(axis=2)
answer = pd.DataFrame(np.exp(-gaps), index=test.index, columns=means.index)
with open(sys.argv[1], "a") as runs:
    runs.write("run ")
# In another order, which is not to matter.
answer.iloc[::-1, ::-1].to_csv("probabilities.csv")
"""


@pytest.fixture
def cohort():
    return make_multiomics(
        60, {"gene/s": 20, "labels": 10}, n_informative=5, n_redundant=0, random_state=0
    )


@pytest.fixture
def runs(tmp_path):
    """Return the file in which the program notes that it has run."""
    return tmp_path / "runs.txt"


def program(text, *arguments, timeout=60):
    command = [sys.executable, "-c", text, *map(str, arguments)]
    return ProgramClassifier(command, timeout=timeout, random_state=0)


def test_program_gets_the_tables_and_gives_its_probabilities(cohort, runs):
    X, y = cohort
    model = program(NEAREST, runs).fit(X[:40], y[:40])
    proba = model.predict_proba(X[40:])
    assert proba.shape == (20, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    means = X[:40].groupby(y[:40].to_numpy()).mean()
    gaps = ((X[40:].to_numpy()[:, None] - means.to_numpy()) ** 2).mean(axis=2)
    wanted = np.exp(-gaps)
    np.testing.assert_allclose(proba, wanted / wanted.sum(axis=1, keepdims=True))
    assert model.score(X[40:], y[40:]) > 0.6


def test_program_runs_once_for_the_calls_and_probabilities_of_a_fold(cohort, runs):
    X, y = cohort
    model = program(NEAREST, runs)
    results = run_benchmark({"cohort": (X, y)}, {"near": model}, n_folds=2, n_repeats=1)
    assert results["error"].to_list() == ["", ""]
    assert results["log_loss"].notna().all()
    assert runs.read_text() == "run run "


def test_program_sees_no_label_of_the_samples_that_it_predicts(cohort, tmp_path):
    X, y = cohort
    text = (
        "import pathlib, shutil, sys\n"
        "shutil.copytree('.', sys.argv[1])\n"
        "sys.exit('looked')"
    )
    model = program(text, tmp_path / "seen").fit(X[:40], y[:40])
    with pytest.raises(RuntimeError, match="looked"):
        model.predict(X[40:])
    seen = sorted(str(p.relative_to(tmp_path / "seen")) for p in seen_files(tmp_path))
    tables = ["0_gene_s.csv", "1_labels.csv"]
    names = [str(Path(part) / name) for part in ("test", "train") for name in tables]
    labels = str(Path("train") / "labels.csv")
    assert seen == sorted(["output.txt", *names, labels])
    rows = pd.read_csv(tmp_path / "seen" / "test" / "1_labels.csv", index_col="id")
    assert rows.index.to_list() == [f"test_{i}" for i in range(20)]
    np.testing.assert_allclose(rows.to_numpy(), X[40:]["labels"].to_numpy())


def seen_files(tmp_path):
    return [path for path in (tmp_path / "seen").rglob("*") if path.is_file()]


@pytest.mark.filterwarnings("ignore::skomics.exceptions.InformativeMissingnessWarning")
def test_program_finds_empty_cells_where_a_sample_lacks_a_modality(cohort, runs):
    X, y = perturb_omics(*cohort, missing_omics=0.2, random_state=0)
    model = program(NEAREST, runs)
    results = run_benchmark({"gaps": (X, y)}, {"near": model}, n_folds=2, n_repeats=1)
    assert results["error"].to_list() == ["", ""]


def test_seed_is_that_of_the_random_state(cohort, tmp_path):
    X, y = cohort
    text = "import sys; sys.exit('seed ' + sys.argv[1])"
    said = []
    for random_state in (0, 0, 1):
        model = program(text, "{seed}").set_params(random_state=random_state)
        with pytest.raises(RuntimeError, match=r"seed \d+") as caught:
            model.fit(X, y).predict(X)
        said.append(str(caught.value).split()[-1])
    assert said[0] == said[1] != said[2]


def test_program_that_fails_shows_the_end_of_what_it_said(cohort):
    X, y = cohort
    text = "import sys; print('x' * 5000); print('no memory left'); sys.exit(3)"
    model = program(text).fit(X, y)
    match = r"ended with exit code 3, not 0. It said: \.\.\.x+\sno memory left"
    with pytest.raises(RuntimeError, match=match) as caught:
        model.predict(X)
    assert len(str(caught.value)) < 500


def test_error_row_of_a_program_that_fails_has_what_it_said(cohort):
    model = program("import sys; sys.exit('no memory left')")
    results = run_benchmark({"c": cohort}, {"fails": model}, n_folds=2, n_repeats=1)
    assert results["status"].to_list() == ["error", "error"]
    assert results["error"].str.contains("exit code 1, not 0.*no memory left").all()


# The child holds what it inherited open, and outlives its parent.
STARTS = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
print("child", child.pid, flush=True)
time.sleep(120)
"""


def is_running(pid):
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)],
        capture_output=True,
        text=True,
        timeout=20,
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")


@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="a group of processes is ended")
def test_program_that_hangs_is_ended_with_what_it_started(cohort):
    X, y = cohort
    model = program(STARTS, timeout=3).fit(X, y)
    match = r"ran for longer than 3 seconds and was ended.*It said: child \d+"
    with pytest.raises(TimeoutError, match=match) as caught:
        model.predict(X)
    child = int(str(caught.value).split()[-1])
    for _ in range(100):
        if not is_running(child):
            break
        time.sleep(0.1)
    assert not is_running(child)


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        ("id,a\\ntest_0,1", "answered for 1 samples with the columns"),
        ("id,a,b\\ntest_0,1,0\\ntest_1,-1,2", "negative, missing or zero"),
        ("id,a,b\\ntest_0,1,0\\ntest_1,,1", "negative, missing or zero"),
        ("id,a,b\\ntest_0,1,0\\ntest_1,0,0", "negative, missing or zero"),
        ("id,a,b\\ntest_0,1,0\\ntest_0,0,1", "answered for 2 samples"),
    ],
)
def test_answer_that_is_no_probabilities_is_refused(answer, match):
    X, y = np.eye(4), np.array(["a", "b", "a", "b"])
    text = f"open('probabilities.csv', 'w').write('{answer}')"
    with pytest.raises(ValueError, match=match):
        program(text).fit(X, y).predict(X[:2])


def test_program_without_an_answer_is_told_what_is_wanted():
    X, y = np.eye(4), np.array(["a", "b", "a", "b"])
    match = "ended without probabilities.csv in its folder.*It said: nothing"
    with pytest.raises(RuntimeError, match=match):
        program("pass").fit(X, y).predict(X)


def test_program_that_is_not_there_is_named(cohort):
    model = ProgramClassifier(["no-such-program"])
    match = "'no-such-program' was not found on PATH.*Give the path"
    with pytest.raises(FileNotFoundError, match=match):
        model.fit(*cohort)


@pytest.mark.parametrize(
    ("name", "advice"), [("diablo", "mixOmics"), ("flexynesis", "SKOMICS_FLEXYNESIS")]
)
def test_contender_that_is_not_there_says_how_to_install_it(
    name, advice, cohort, monkeypatch
):
    assert name in MODEL_GROUPS["outside"]
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("SKOMICS_FLEXYNESIS", raising=False)
    results = run_benchmark({"c": cohort}, name, n_folds=2, n_repeats=1)
    assert results["error"].str.contains("was not found on PATH").all()
    assert results["error"].str.contains("Install").all()
    assert results["error"].str.contains(advice).all()


@pytest.mark.parametrize("cls", [DiabloClassifier, FlexynesisClassifier])
def test_parameters_of_a_contender_are_those_of_scikit_learn(cls):
    check_get_params_invariance(cls.__name__, cls())


def write_program(path, text):
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)


# Stands for flexynesis: answers, in its format, with what it was told of the classes.
FLEXYNESIS = """
import sys
from pathlib import Path
import pandas as pd

given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
folder, names = Path(given["--data_path"]), given["--data_types"].split(",")
train = [pd.read_csv(folder / "train" / f"{n}.csv", index_col=0) for n in names]
test = [pd.read_csv(folder / "test" / f"{n}.csv", index_col=0) for n in names]
labels = pd.read_csv(folder / "train" / "clin.csv", index_col=0)["label"]
assert list(labels.index) == list(train[0].columns)
assert set(pd.read_csv(folder / "test" / "clin.csv")["label"]) == set(labels)
shares = labels.value_counts(normalize=True)
rows = [
    {"sample_id": i, "class_label": c, "probability": p, "split": split}
    for split, table in (("train", train[0]), ("test", test[0]))
    for i in table.columns for c, p in shares.items()
]
path = Path(given["--outdir"]) / "job.predicted_labels.csv"
pd.DataFrame(rows).to_csv(path, index=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a script")
def test_flexynesis_is_given_its_folders_and_its_answer_is_read(
    cohort, tmp_path, monkeypatch
):
    X, y = cohort
    write_program(tmp_path / "flexynesis", FLEXYNESIS)
    monkeypatch.setenv("SKOMICS_FLEXYNESIS", str(tmp_path / "flexynesis"))
    model = MODELS["flexynesis"].make(0).fit(X[:40], y[:40])
    shares = y[:40].value_counts(normalize=True)[model.classes_]
    np.testing.assert_allclose(model.predict_proba(X[40:]), [shares] * 20)


# Stands for R: says how it was called.
RSCRIPT = "import sys; sys.exit(' '.join(sys.argv[1:]))"


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a script")
def test_diablo_is_run_by_r_with_its_numbers(cohort, tmp_path, monkeypatch):
    X, y = cohort
    write_program(tmp_path / "Rscript", RSCRIPT)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    model = DiabloClassifier(3, n_features=7, random_state=0).fit(X, y)
    with pytest.raises(RuntimeError, match=r"--vanilla .*diablo\.R .* 3 7 0\.1 \d+"):
        model.predict(X)


def test_script_of_diablo_can_be_parsed_by_r():
    rscript = outside.shutil.which("Rscript")
    if rscript is None:
        pytest.skip("Rscript is not installed")
    script = Path(outside.__file__).with_name("diablo.R")
    result = subprocess.run(
        [rscript, "--vanilla", "-e", f"invisible(parse({str(script)!r}))"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
