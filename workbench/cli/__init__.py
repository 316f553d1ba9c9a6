"""The command line: one function per command, each a thin layer over the package."""

import re
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from workbench.cli.parser import parser
from workbench.errors import WorkbenchError, unknown
from workbench.process import leave

__all__ = ["main", "parser", "run"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Executes one command; returns the exit code (0 done, 2 bad input, 3 resumable, 1 defect)."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        options, extra = parser().parse_known_args(arguments)
        if extra:
            if not extra[0].startswith("-"):
                options.command.error(f"unexpected argument {extra[0]!r}")
            known = set(re.findall(r"--?[a-z][a-z-]*", options.command.format_usage()))
            raise unknown("option", extra[0], known)
        _load_plugins(getattr(options, "plugin", []))
        options.function(options)
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("workbench: interrupted; nothing was left half-written.", file=sys.stderr)
        return 3
    return 0


def run() -> NoReturn:
    """Runs `main` and ends the process with its exit code."""
    leave(main())


def _load_plugins(targets: Sequence[str]) -> None:
    if targets:
        from workbench.plugins import load_plugin

        for target in targets:
            load_plugin(target)
