"""Sections that plugins add to the report of a run, or to the comparison of several.

A section is one function, which shows what it wants with `blocks` and `figures.show`:

    from workbench.figures import show
    from workbench.reports import blocks, report_section

    @report_section("Largest weights", about="run")
    def largest_weights(run):
        blocks.say(f"{run.name} keeps {run.mask().kept:,} weights.")
        show(some_figure(run), "largest-weights")

A section about "run" is called with the run; one about "runs" with the runs and the table
`analysis.comparison.comparison_table` of them. The sections are the last part of a report.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any, Literal

from workbench.errors import BadInput
from workbench.figures import key_prefix
from workbench.plugins import Registry
from workbench.reports import blocks

Subject = Literal["run", "runs"]
_PARAMETERS = {"run": ("run",), "runs": ("runs", "table")}


@dataclass(frozen=True)
class Section:
    """A section of a report.

    Attributes:
        title: its heading.
        about: "run" or "runs".
        show: displays its content.
    """

    title: str
    about: Subject
    show: Callable[..., None]


SECTIONS: Registry[Section] = Registry("report section", lambda section: section.show)


def report_section(title: str, *, about: Subject) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers the decorated function as a section, under the function's name.

    Args:
        title: its heading; any text.
        about: "run" for the report of a run, "runs" for the comparison.

    Raises:
        BadInput: the name is taken, the title is empty, `about` is something else, or the function does not
            take what it is called with.
    """
    if about not in _PARAMETERS:
        raise BadInput(f"a report section is about {about!r}; write about='run' or about='runs'.")

    def register(function: Callable[..., None]) -> Callable[..., None]:
        name, parameters = function.__name__, _PARAMETERS[about]
        if not isinstance(title, str) or not title.strip():
            raise BadInput(f"report section {name} has the title {title!r}; give it a title to show.")
        if not _takes(function, parameters):
            raise BadInput(
                f"report section {name} has the parameters {signature(function)}; a section about {about} "
                f"takes ({', '.join(parameters)})."
            )
        SECTIONS.add(name, Section(title, about, function))
        return function

    return register


def show_sections(about: Subject, *subject: Any) -> None:
    """Shows every section about `subject`, in the order of registration; nothing if there are none.

    A section that fails ends with a sentence in its place, and the next one follows.

    Args:
        about: "run" or "runs".
        subject: a run; or several runs and their comparison table.
    """
    for name, section in SECTIONS.items():
        if section.about != about:
            continue
        blocks.heading(section.title)
        try:
            with key_prefix(f"section-{name.replace('_', '-')}-"):
                section.show(*subject)
        except Exception as error:
            source = f" of plugin {plugin}" if (plugin := SECTIONS.owner(name)) else ""
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            blocks.say(f"Section {name}{source} failed with {reason}.", kind="warning")


def _takes(function: Callable[..., None], parameters: tuple[str, ...]) -> bool:
    try:
        signature(function).bind(*parameters)
    except (TypeError, ValueError):
        return False
    return True
