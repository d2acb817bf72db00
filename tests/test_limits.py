"""No test waits for ever: whatever hangs ends the run red, and says where."""

import ast
import subprocess
import sys
import threading
import warnings

import pytest
from joblib.externals.loky import process_executor

from tests.conftest import REPOSITORY

TESTS = REPOSITORY / "tests"
# What waits for ever where it is called without any argument.
WAITS = {"wait", "join", "result"}
# What waits for ever unless it is given a timeout by name.
STARTS = {
    f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output")
}
NAMED = {"communicate", "urlopen", "WebDriverWait", "NotebookClient"}

HANGING = """
import threading

def test_that_hangs():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()

def test_that_follows():
    pass
"""


def is_endless(call):
    name = ast.unparse(call.func)
    function = name.rpartition(".")[-1]
    if name in STARTS or function in NAMED:
        return all(keyword.arg != "timeout" for keyword in call.keywords)
    return function in WAITS and not call.args and not call.keywords


def endless_waits(tree):
    """Yield the calls of a file that wait without a limit."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_endless(node):
            yield node
        if isinstance(node, ast.With):  # whose end waits for the process
            starts = (ast.unparse(item.context_expr) for item in node.items)
            if any(start.startswith("subprocess.Popen(") for start in starts):
                yield node


@pytest.mark.parametrize(
    ("code", "n_endless"),
    [
        ("subprocess.run(x, check=True)", 1),
        ("subprocess.run(x, timeout=3)", 0),
        ("process.communicate()", 1),
        ("process.communicate(timeout=3)", 0),
        ("thread.join()", 1),
        ("thread.join(3)", 0),
        ("', '.join(words)", 0),
        ("table.join(rna=other)", 0),
        ("future.result()", 1),
        ("urlopen(url)", 1),
        ("with subprocess.Popen(x) as p: pass", 1),
    ],
)
def test_waits_without_a_limit_are_found(code, n_endless):
    assert len(list(endless_waits(ast.parse(code)))) == n_endless


FILES = sorted(TESTS.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_waits_without_a_limit(path):
    endless = [ast.unparse(node) for node in endless_waits(ast.parse(path.read_text()))]
    assert endless == [], f"{path.name}: give these a timeout"


def run_pytest(folder, *options):
    """Run tests of a folder with our configuration, and return code and output."""
    command = [sys.executable, "-m", "pytest", "-c", str(REPOSITORY / "pyproject.toml")]
    command += ["-p", "no:cacheprovider", "--rootdir", str(folder), *options]
    result = subprocess.run(
        [*command, str(folder)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return result.returncode, result.stdout


@pytest.mark.parametrize("distribution", [[], ["-n", "1", "--dist", "loadgroup"]])
def test_a_test_that_hangs_ends_the_run_red_and_names_the_line(tmp_path, distribution):
    (tmp_path / "test_hanging.py").write_text(HANGING)
    limits = ["-o", "timeout=2", "-o", "faulthandler_timeout=1"]
    code, output = run_pytest(tmp_path, *limits, *distribution)
    assert code == 1
    assert 'test_hanging.py", line 7 in test_that_hangs' in output
    if distribution:
        assert "crashed while running 'test_hanging.py::test_that_hangs'" in output


def test_every_test_and_the_whole_run_have_a_limit(request):
    config = request.config
    dump, end = (
        float(config.getini(name)) for name in ("faulthandler_timeout", "timeout")
    )
    assert 0 < dump < end
    assert config.getini("timeout_method") == "thread"
    assert 0 < float(config.getini("session_timeout"))


@pytest.mark.parametrize(
    "module",
    [
        "joblib.externals.loky.process_executor",
        "joblib._memmapping_reducer",
        "distributed.scheduler",
        "tornado.ioloop",
        "concurrent.futures.thread",
    ],
)
def test_a_thread_of_a_library_does_not_die_of_a_warning(module):
    """Non-regression test for #12: loky's died, and the test waited for ever."""
    done = threading.Event()

    def work():
        message = "A worker stopped while some jobs were given to the executor."
        warnings.warn_explicit(message, UserWarning, "file.py", 1, module)
        done.set()

    thread = threading.Thread(target=work)
    with warnings.catch_warnings(record=True):
        thread.start()
        thread.join(timeout=30)
    assert done.is_set()


def stop_soon():
    """Let the worker that runs this stop after it, like one that leaks memory."""
    process_executor._MAX_MEMORY_LEAK_SIZE = -(2**60)
    process_executor._MEMORY_LEAK_CHECK_DELAY = -1.0


def test_work_goes_on_where_a_worker_of_joblib_stops_early():
    """Non-regression test for #12: the warning of it ended the thread that hands on."""
    pytest.importorskip("psutil", reason="without it, no worker stops for its memory")
    executor = process_executor.ProcessPoolExecutor(max_workers=1)
    with warnings.catch_warnings(record=True) as caught:
        for future in [executor.submit(stop_soon) for _ in range(3)]:
            future.result(timeout=60)
    executor.shutdown(kill_workers=True)
    assert any("A worker stopped while some jobs" in str(w.message) for w in caught)


def test_a_slow_test_is_left_out_unless_it_is_asked_for(request):
    assert "-m=not slow" in request.config.getini("addopts")


def test_a_warning_of_ours_is_an_error():
    with pytest.raises(UserWarning, match="ours"):
        warnings.warn("ours", stacklevel=1)
