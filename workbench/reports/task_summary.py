"""What the data of a task looks like, in words."""

from typing import Any

from workbench.analysis.task_summary import CORRELATION, DISAGREEMENT, WANTED_DIFFERENCE


def as_text(summary: dict[str, Any]) -> str:
    """`analysis.task_summary.describe` in lines."""
    origin = f" ({summary['origin']})" if summary["origin"] else ""
    entries = {
        "rows": f"train {summary['rows']['train']:,}, dev {summary['rows']['dev']:,}",
        "dropped": _dropped(summary),
        "classes": "\n".join(map(_class, summary["classes"])) or "none: the labels are numbers to predict",
        "lengths": _lengths(summary["lengths"]),
        "repeated": _repeated(summary),
        "majority": _constant(summary["constant"]),
        "dev size": _resolution(summary),
    }
    return "\n".join([f"{summary['task']}{origin}", *map(_entry, entries, entries.values())])


def _entry(name: str, text: str) -> str:
    first, *others = text.splitlines()
    return "\n".join([f"{name:10}{first}", *(f"{'':10}{line}" for line in others)])


def _dropped(summary: dict[str, Any]) -> str:
    reason = "no text in any input" if summary["origin"] else "malformed, or without text or label"
    dropped = [f"{count:,} rows of {split} ({reason})" for split, count in summary["dropped"].items()]
    return ", ".join(dropped) or "none"


def _class(row: dict[str, Any]) -> str:
    return (
        f"{row['class']}: train {row['train']:,} ({_percent(row['train_share'])}), "
        f"dev {row['dev']:,} ({_percent(row['dev_share'])})"
    )


def _lengths(lengths: dict[str, Any] | None) -> str:
    if lengths is None:
        return "images"
    return (
        f"median {lengths['median']} tokens, 95 % of the rows up to {lengths['high']}, longest "
        f"{lengths['longest']}; {_percent(lengths['cut'])} are longer than max_length, {lengths['limit']}"
    )


def _repeated(summary: dict[str, Any]) -> str:
    repeated = summary["repeated"]
    return f"{repeated:,} dev rows ({_percent(repeated / summary['rows']['dev'])}) are also in train"


def _constant(constant: dict[str, Any]) -> str:
    answer, scores = constant["answer"], constant["scores"]
    shown = (
        f"{answer:.4g}, the mean of train," if isinstance(answer, float) else f"{answer}, the largest class,"
    )
    return f"{shown} scores {', '.join(f'{name} {value:.4f}' for name, value in scores.items())} on dev"


def _resolution(summary: dict[str, Any]) -> str:
    rows, resolution = summary["rows"]["dev"], summary["resolution"]
    assumed = (
        f"if two models disagree on {_percent(DISAGREEMENT)} of the rows"
        if summary["classes"]
        else f"at correlations of {CORRELATION:g} and independent errors"
    )
    verdict = "large enough" if rows >= resolution["rows"] else "too small"
    return (
        f"{verdict} to tell differences of {_percent(WANTED_DIFFERENCE)} apart, which takes "
        f"{resolution['rows']:,} rows\n{rows:,} rows tell {_percent(resolution['detectable'])} apart "
        f"({assumed}; 80 % power, 5 % level)"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
