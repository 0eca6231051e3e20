"""What stands below the members of a class, for generated documents."""

from __future__ import annotations

import ast
import inspect
import textwrap


def member_docs(shape: type) -> dict[str, str]:
    """Return the text below each member of a class whose source is at hand, in one line; not of its bases."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(shape))).body
    found: dict[str, str] = {}
    name = ""
    for node in body.body if isinstance(body, ast.ClassDef) else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[name] = " ".join(str(node.value.value).split())
            name = ""
    return found
