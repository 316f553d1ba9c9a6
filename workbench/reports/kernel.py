"""The process that executes a report's notebook.

It imports the libraries of reports while the process that started it imports its own and finds the runs.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from workbench import plugins
from workbench.process import leave, without_collections

_CONNECTION, _LOG = "kernel.json", "kernel.log"
# Objects between two collections of garbage. By default there are thousands of them, and each goes through
# what the notebook keeps of all runs.
_COLLECT_AFTER = 50_000


@dataclass(frozen=True)
class Kernel:
    """A process that becomes a notebook's kernel.

    Attributes:
        folder: an empty one, its working directory; it writes files only there.
        process: the process.
    """

    folder: Path
    process: subprocess.Popen

    @property
    def connection_file(self) -> Path:
        """The file that says how to connect, which the kernel reads."""
        return self.folder / _CONNECTION

    @property
    def log(self) -> Path:
        """The file with what the process writes to standard error."""
        return self.folder / _LOG

    def serve(self) -> None:
        """Lets it read its connection file, and execute what it is sent."""
        with suppress(BrokenPipeError):  # it has died, and whoever talks to it will say so
            self.process.stdin.write(b"\n")
            self.process.stdin.close()


@contextmanager
def started_kernel() -> Iterator[Kernel]:
    """Starts such a process, which lives until the block ends. Nothing is left on disk."""
    with TemporaryDirectory(prefix="workbench-report-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", __name__]
        with (folder / _LOG).open("w") as log:
            # In a session of its own, an interrupt from the terminal does not reach it.
            options = {"cwd": folder, "start_new_session": True, "stdin": subprocess.PIPE, "stderr": log}
            located = {plugins.VARIABLE: os.pathsep.join(plugins.listed())}
            process = subprocess.Popen(command, env=os.environ | located, **options)
        with process:
            try:
                yield Kernel(folder, process)
            finally:
                process.kill()


def main() -> NoReturn:
    """Imports libraries, waits for a line on standard input, and serves as the kernel of this folder."""
    os.environ |= {"IPYTHONDIR": os.path.abspath("ipython"), "JPY_PARENT_PID": str(os.getppid())}
    with without_collections():
        import scipy.special  # noqa: F401
        from ipykernel.kernelapp import launch_new_instance
        from plotly.graph_objects import Figure, Heatmap, Scatter  # noqa: F401

        from workbench.figures import REPORT_MODE
        from workbench.reports import open_runs  # noqa: F401
    os.environ[REPORT_MODE] = "1"
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    if not sys.stdin.readline():
        leave(1)  # whoever started it has died
    launch_new_instance(argv=["-f", os.path.abspath(_CONNECTION)])
    leave(0)


if __name__ == "__main__":
    main()
