"""Text and tables between the figures of a report, with everything escaped."""

import html
from collections.abc import Iterable
from functools import partial
from math import floor, log10

import pandas as pd
from IPython.display import HTML, display
from pandas.api.types import is_bool_dtype, is_float_dtype, is_integer_dtype, is_numeric_dtype

escape = partial(html.escape, quote=False)  # quotes need it in attributes alone


def heading(text: str) -> None:
    """Shows the heading of a section."""
    display(HTML(f"<h2>{escape(text)}</h2>"))


def say(*paragraphs: str, kind: str = "") -> None:
    """Shows paragraphs of plain text. `kind` is "result", "warning" or empty."""
    style = f' class="{kind}"' if kind else ""
    display(HTML("".join(f"<p{style}>{escape(paragraph)}</p>" for paragraph in paragraphs)))


def command(text: str) -> None:
    """Shows a shell command."""
    display(HTML(f"<pre>{escape(text)}</pre>"))


def table(frame: pd.DataFrame) -> None:
    """Shows a table without its index: integers with separators, columns of floats with four digits."""
    styles = [' class="number"' if is_numeric_dtype(d) and not is_bool_dtype(d) else "" for d in frame.dtypes]
    styled = list(zip(frame.columns, styles, strict=True))
    head = [_marked("th", style, [str(name).replace("_", " ")]) for name, style in styled]
    body = [_marked("td", style, _cells(frame[name])) for name, style in styled]
    inner = f"<table><thead>{_rows(head)}</thead><tbody>{_rows(body)}</tbody></table>"
    display(HTML(f'<div class="table">{inner}</div>'))


def percentages(shares: Iterable[float]) -> list[str]:
    """Shares in [0, 1] as percentages."""
    return [f"{100 * share:g} %" for share in shares]


def interval(low: float, high: float, digits: str = "+.3f") -> str:
    """Both ends of an interval, without a place to break the line; "none" if there is no interval."""
    if pd.isna(low):
        return "none"
    return f"{low:{digits}}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{high:{digits}}"


def detectable(difference: float) -> str:
    """The smallest difference that would be detected; "none" if that is not known."""
    return "none" if pd.isna(difference) else f"{difference:.3f}"


def _marked(tag: str, style: str, texts: Iterable[str]) -> list[str]:
    return [f"<{tag}{style}>{escape(text)}</{tag}>" for text in texts]


def _rows(columns: list[list[str]]) -> str:
    return "".join(f"<tr>{''.join(cells)}</tr>" for cells in zip(*columns, strict=True))


def _cells(column: pd.Series) -> list[str]:
    if is_bool_dtype(column):
        return ["yes" if value else "" for value in column]
    if is_integer_dtype(column):
        return [f"{value:,}" for value in column]
    if is_float_dtype(column):
        digits = _four_digits(column) if column.notna().any() else ""
        return ["none" if pd.isna(value) else format(value, digits) for value in column]
    return [str(value) for value in column]


def _four_digits(column: pd.Series) -> str:
    """The format of a column, in which its largest value has four digits."""
    largest = column.abs().max()
    if 0 < largest < 1e-3:
        return ".1e"
    return f",.{max(0, 3 - floor(log10(max(largest, 0.1))))}f"
