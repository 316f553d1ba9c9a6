"""A run's model and mask in forms that other programs read (docs/export.md).

The room is not called `export`: a package binds its name to its modules, and `wb.export` is the function.
"""

from workbench.exports.export import FORMS, export

__all__ = ["FORMS", "export"]
