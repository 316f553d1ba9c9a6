"""Exports of a run's model and mask in formats for other programs (docs/export.md).

The package is not called `export`, because `wb.export` is the function.
"""

from workbench.exports.export import FORMS, export

__all__ = ["FORMS", "export"]
