"""What a report's notebook puts between its figures: sentences and tables, safe from what names contain."""

from html import escape

import pandas as pd
from IPython.display import HTML, display


def say(*paragraphs: str, kind: str = "") -> None:
    """Shows paragraphs of plain text. `kind` is "result", "warning" or none."""
    style = f' class="{kind}"' if kind else ""
    display(HTML("".join(f"<p{style}>{escape(paragraph)}</p>" for paragraph in paragraphs)))


def command(text: str) -> None:
    """Shows a shell command."""
    display(HTML(f"<pre>{escape(text)}</pre>"))


def table(frame: pd.DataFrame) -> None:
    """Shows a table without its index: whole numbers with separators, others with four digits."""
    numeric = [pd.api.types.is_numeric_dtype(d) and not pd.api.types.is_bool_dtype(d) for d in frame.dtypes]
    style = [' class="number"' if number else "" for number in numeric]
    head = "".join(f"<th{s}>{escape(str(name))}</th>" for s, name in zip(style, frame.columns, strict=True))
    rows = [
        "".join(f"<td{s}>{escape(_text(value))}</td>" for s, value in zip(style, row, strict=True))
        for row in frame.itertuples(index=False)
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    inner = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    display(HTML(f'<div class="table">{inner}</div>'))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else ""
    if pd.isna(value):
        return "not known"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
