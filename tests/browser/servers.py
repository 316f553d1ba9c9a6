"""The servers of the Makefile, on a copy of the notebooks, at a free port and with their own folders."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

PATIENCE_SECONDS = 120
PLACES = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
# Declines what JupyterLab asks a new user: no news.
SETTINGS = "lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"


def copy_project(root: Path, folder: Path) -> Path:
    """What `make lab` and `make dashboard` need of the project, where tests may write."""
    for name in ("Makefile", "pyproject.toml", "setup.py", "constraints.txt"):
        shutil.copy2(root / name, folder)
    shutil.copytree(root / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns("runs", ".*"))
    return folder


@contextmanager
def make(target: str, project: Path, folder: Path) -> Iterator[str]:
    """Runs `make lab` or `make dashboard`; the address, once it answers. Ends all of its processes.

    Args:
        target: "lab" or "dashboard".
        project: of `copy_project`.
        folder: for settings and the log; made by this function.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _configure(folder / "JUPYTER_CONFIG_DIR", port)
    # This Python has what the target would install.
    command = ["make", f"--old-file={sys.prefix}/installed", f"VENV={sys.prefix}", target]
    environment = os.environ | {name: str(folder / name) for name in PLACES}
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=project, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        url = f"http://localhost:{port}"
        _await_answer(url, server, folder / "server.log")
        yield url
    finally:
        _end(server)


def _configure(folder: Path, port: int) -> None:
    server = {"port": port, "port_retries": 0, "open_browser": False}
    files = {
        "jupyter_server_config.json": {
            "ServerApp": server | {"allow_root": True},
            "IdentityProvider": {"token": ""},
        },
        "voila.json": {"Voila": server},
        SETTINGS: {"fetchNews": "false", "checkForUpdates": False},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))


def _await_answer(url: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer:\n{log.read_text()}")


def _end(server: subprocess.Popen) -> None:
    """Asks the server to end, which ends its kernels, and kills it if it does not."""
    for asked in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 30
        try:
            os.killpg(server.pid, asked)
            while time.monotonic() < deadline:
                server.poll()
                os.killpg(server.pid, 0)
                time.sleep(0.1)
        except ProcessLookupError:
            break
    server.wait()
