"""A process that trains stages for a run: python -m workbench.execution.stage_worker RUN_FOLDER NUMBER.

It reads assignments from standard input, one JSON object per line, and writes one line to standard output for
each: the record, or the error. It stops, and can be resumed, when its standard input is closed: on purpose,
or because the process that started it has ended.
"""

import _thread
import json
import os
import signal
import threading
import traceback
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import asdict
from queue import SimpleQueue
from typing import Any

from workbench.errors import BadInput, Stopped, WorkbenchError
from workbench.execution.assignment import Assignment
from workbench.execution.dense import complete_dense_stage
from workbench.execution.environment import arithmetic, check_environment, environment_here
from workbench.execution.models import RunModels
from workbench.execution.preparation import prepared
from workbench.execution.stage_runner import StageRunner
from workbench.files import disk_trouble, read_json
from workbench.locks import file_lock
from workbench.process import leave
from workbench.runs.layout import RunFolder, Store
from workbench.runs.spec import RunSpec


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains assignments until there are no more; returns the exit code.

    Args:
        arguments: the run folder, and a number that is unique among the workers of the run.
    """
    parser = ArgumentParser(prog="workbench.execution.stage_worker")
    parser.add_argument("folder", type=RunFolder)
    parser.add_argument("number", type=int)
    options = parser.parse_args(arguments)
    for kind in (signal.SIGINT, signal.SIGTERM):  # a shell may have had SIGINT ignored
        signal.signal(kind, signal.default_int_handler)
    try:
        return _serve(options.folder, options.number)
    except KeyboardInterrupt:
        return Stopped.exit_code


def _serve(folder: RunFolder, number: int) -> int:
    answer = _answers()
    requests = _Requests()
    threading.Thread(target=requests.read, daemon=True).start()
    try:
        with file_lock(folder.worker_lock(number)):
            _work(folder, requests, answer)
    except WorkbenchError as error:
        answer({"exit_code": error.exit_code, "message": str(error)})
        return error.exit_code
    except Exception as error:
        if reason := disk_trouble(error):
            message = (
                f"could not write to {folder.root}: {reason}. What was saved is intact; free some space, "
                "then run the same command to resume."
            )
            answer({"exit_code": Stopped.exit_code, "message": message})
            return Stopped.exit_code
        answer({"exit_code": None, "message": traceback.format_exc()})
        return 1
    return 0


def _work(folder: RunFolder, requests: "_Requests", answer: Callable[[dict[str, Any]], None]) -> None:
    environment = read_json(folder.environment)
    with arithmetic(environment):
        runner, models = _opened(folder, environment)
        while line := requests.next():
            assignment = Assignment.from_plain(json.loads(line), models, folder)
            answer({"record": asdict(runner.carry_out(assignment))})


def _opened(folder: RunFolder, environment: dict[str, Any]) -> tuple[StageRunner, RunModels]:
    """A runner for the stages of a run folder that another process has created.

    Raises:
        BadInput: data, weights, hardware, libraries or plugins differ from those of the run.
    """
    spec = RunSpec.from_yaml(folder.spec)
    loaded = prepared(spec)
    dense_digest = loaded.given and loaded.given.digest
    here = environment_here(spec, loaded.data, loaded.classifier, dense_digest)
    check_environment(folder, environment, here)
    store = Store(folder.root.parent)

    def dense():
        if (stage := complete_dense_stage(store, spec, environment)) is None:
            raise BadInput(f"run {folder.root.name} has no dense model yet; a worker does not make it.")
        return stage

    precision = environment["precision"]
    models = RunModels(spec, loaded.data, loaded.classifier, loaded.student, dense, precision)
    return StageRunner(folder, spec, loaded.data, models, environment), models


def _answers() -> Callable[[dict[str, Any]], None]:
    """Writes answers to standard output; redirects all other output to standard error."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(value: dict[str, Any]) -> None:
        output.write(json.dumps(value) + "\n")
        output.flush()

    return answer


class _Requests:
    """The lines of standard input, whose end interrupts the training in progress."""

    def __init__(self):
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        self._busy, self._ended = threading.Event(), threading.Event()
        self._busy.set()

    def next(self) -> bytes:
        """Waits for the next line; empty at the end of the input, also if lines are left."""
        self._busy.clear()
        line = self._lines.get()
        self._busy.set()
        return b"" if self._ended.is_set() else line

    def read(self) -> None:
        """Reads all lines, in a thread of its own."""
        # Unbuffered, because the interpreter would wait for the lock of a buffered stream at exit.
        with open(0, "rb", buffering=0, closefd=False) as stream:
            for line in iter(stream.readline, b""):
                self._lines.put(line)
        self._ended.set()
        self._lines.put(b"")
        if self._busy.is_set():
            _thread.interrupt_main()


if __name__ == "__main__":
    leave(main())
