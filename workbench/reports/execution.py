"""Executing a notebook with parameters, in a kernel of the same Python."""

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client import AsyncKernelManager
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import LocalProvisioner
from papermill.exceptions import PapermillExecutionError

from workbench.errors import BadInput, unknown
from workbench.reports.kernel import Kernel

# A kernel imports libraries before it answers, which takes long on a busy machine or a slow disk.
_START_SECONDS = 600
_TYPES = {"str": str, "int": int, "float": float, "bool": bool}


def subject_of(notebook: Path) -> str:
    """What a notebook is about, according to its parameters: several "runs", one "run", or "" for neither."""
    declared = papermill.inspect_notebook(notebook)
    return next((name for name in ("runs", "run") if name in declared), "")


def takes_store(notebook: Path) -> bool:
    """Whether a notebook makes runs, in the folder named by its parameter `store`."""
    return "store" in papermill.inspect_notebook(notebook)


def checked_parameters(notebook: Path, given: Mapping[str, Any], taken: set[str]) -> dict[str, Any]:
    """The given parameters, checked against the names and types that the notebook declares.

    Args:
        notebook: its file, with a cell tagged `parameters` of annotated literals.
        given: values by name; an int is accepted for a float.
        taken: names that the caller sets itself.

    Returns:
        The values, with the path of a model's folder made absolute.

    Raises:
        BadInput: a name that the notebook does not have, or a value of another type.
    """
    declared = papermill.inspect_notebook(notebook)
    for name, value in given.items():
        if name not in declared or name in taken:
            raise unknown(f"parameter of {notebook.stem}", name, declared.keys() - taken)
        type_name = declared[name]["inferred_type_name"]
        fits = type(value) is _TYPES[type_name] or (type_name == "float" and type(value) is int)
        if not fits:
            raise BadInput(
                f"parameter {name} of {notebook.stem} is {value!r}, which is not of type {type_name} "
                f"({declared[name]['help']}). Give a value such as {declared[name]['default']}."
            )
    return {name: _from_anywhere(name, value) for name, value in given.items()}


def _from_anywhere(name: str, value: Any) -> Any:
    """The value, or the absolute path of a model's folder: notebooks are executed in another folder."""
    return str(Path(value).resolve()) if name == "model" and value and Path(value).exists() else value


def execute(notebook: Path, parameters: Mapping[str, Any], kernel: Kernel) -> nbformat.NotebookNode:
    """The notebook with its outputs.

    Args:
        notebook: its file.
        parameters: values by name.
        kernel: executes it, and ends.

    Raises:
        BadInput: a cell raised an error, or the kernel died.
    """
    # A node instead of the path, because papermill treats braces in a path as placeholders.
    source = nbformat.read(notebook, as_version=4)
    try:
        return papermill.execute_notebook(
            source,
            None,
            dict(parameters),
            kernel_name="python3",
            progress_bar=sys.stderr.isatty(),
            kernel_manager_class=_manager_of(kernel),
            resources={"metadata": {"path": str(kernel.folder)}},
            start_timeout=_START_SECONDS,
            shutdown_kernel="immediate",  # a polite one takes a second and has nothing to save
        )
    except PapermillExecutionError as error:
        raise BadInput(_reason(notebook, error)) from error
    except RuntimeError as error:  # which the client raises for a kernel that died, also before it answered
        last = kernel.log.read_text(encoding="utf-8").strip().rpartition("\n")[2]
        raise BadInput(
            f"the kernel of {notebook.stem} died, perhaps because memory ran out. Its last output: {last!r}."
        ) from error
    except KeyboardInterrupt:
        # The client's cancelled tasks would log errors about their closed sockets.
        for name in ("asyncio", "papermill"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        raise


def _reason(notebook: Path, error: PapermillExecutionError) -> str:
    message = " ".join(error.evalue.split())
    if error.ename == BadInput.__name__:
        return message
    return (
        f"{notebook.stem} failed with {error.ename}: {message}. "
        f"Open {notebook} in JupyterLab with the same parameters to see where."
    )


def _manager_of(kernel: Kernel) -> type[AsyncKernelManager]:
    """A manager whose kernel is a process that was started before."""

    class Started(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
            kernel.serve()
            self.process, self.pid, self.pgid = kernel.process, kernel.process.pid, kernel.process.pid
            return self.connection_info

    class ReportKernel(AsyncKernelManager):
        def __init__(self, **traits: Any):
            # Sockets in the folder, which other users cannot reach, instead of network ports; but the path of
            # a socket is limited to about a hundred characters.
            transport = "ipc" if len(str(kernel.folder)) < 60 else "tcp"
            super().__init__(**traits, transport=transport, connection_file=str(kernel.connection_file))
            self.provisioner = Started(parent=self, kernel_spec=self.kernel_spec)

        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(argv=[], display_name="Python 3", language="python")

    return ReportKernel
