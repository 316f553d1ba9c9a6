"""Processes that start and end quickly, and leave nothing undone."""

import gc
import os
import subprocess
import sys

import pytest

from workbench.process import without_collections, without_module


def test_collections_pause_and_resume_as_they_were():
    with without_collections():
        assert not gc.isenabled()
        with without_collections():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_module_is_missing_for_a_while_unless_it_was_imported():
    with without_module("xml.dom.pulldom"), pytest.raises(ImportError):
        import xml.dom.pulldom
    with without_module("json"):
        import json
    import xml.dom.pulldom

    assert json.dumps(xml.dom.pulldom.END_DOCUMENT)


@pytest.mark.parametrize("code", [0, 3])
def test_a_process_that_leaves_has_flushed_and_done_what_was_registered(code):
    script = (
        "import atexit, sys; from workbench.process import leave;"
        "atexit.register(print, 'registered'); sys.stderr.write('error'); sys.stdout.write('output ');"
        f"leave({code})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (code, "output registered\n", "error")


def test_output_that_nobody_reads_is_no_error():
    script = "import sys; from workbench.process import leave; sys.stdout.write('x'); leave(0)"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", script], env=buffered, **pipes)
    process.stdout.close()
    assert process.wait() == 0
    assert process.stderr.read() == b""


def test_a_command_that_trains_nothing_does_not_wait_for_libraries_that_only_training_needs(tmp_path):
    slow = ["transformers.modeling_utils", "accelerate", "numba", "sklearn.utils", "scipy.stats"]
    script = (
        "import sys; from workbench.cli import main;"
        f"main(['runs', '--store', {str(tmp_path)!r}]);"
        f"print([name for name in {slow} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
