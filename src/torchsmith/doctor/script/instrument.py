"""Compiles the person's files so that comparisons and divisions can be looked at.

The files stay as they are, lines keep their numbers, and every expression has the value
that it always had: NumPy and plain numbers offer no hook of their own.
"""

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from torchsmith.doctor.script.counting import Counting
from torchsmith.doctor.script.places import Place, Places

EQUAL = "_torchsmith_equal"
DIVIDED = "_torchsmith_divided"
SHARE = "_torchsmith_share"


def names_of(counting: Counting, file: str) -> dict[str, Callable[..., Any]]:
    """Return what a compiled file calls, by name.

    Args:
        counting: Hears of comparisons and divisions.
        file: Whose lines are told.
    """

    def at(line: int) -> Place:
        return Place(file, line)

    return {
        EQUAL: lambda result, line: counting.equal(result, at(line)),
        DIVIDED: lambda a, b, line: counting.divided(a, b, at(line)),
        SHARE: lambda a, b, line: counting.share(a, b, at(line)),
    }


@contextmanager
def looking_into_imports(places: Places, counting: Counting) -> Iterator[None]:
    """Compile in the same way what the script imports from its own folder.

    Nothing is kept of it: neither compiled files, nor the modules themselves.

    Args:
        places: Know which files are the person's.
        counting: Hears of comparisons and divisions.
    """
    finder = _Finder(places, counting)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.names:
            sys.modules.pop(name, None)


class _Finder(MetaPathFinder):
    def __init__(self, places: Places, counting: Counting) -> None:
        self.names: list[str] = []
        self._places = places
        self._counting = counting

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        file = spec.loader.path
        if not self._places.owns(file):
            return None
        self.names.append(fullname)
        self._places.imported.append(file)
        spec.loader = _Loader(fullname, file, self._counting)
        spec.cached = None
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, counting: Counting) -> None:
        super().__init__(fullname, path)
        self._counting = counting

    def get_code(self, fullname: str) -> CodeType:
        del fullname
        return compiled(self.get_data(self.path), self.path)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__.update(names_of(self._counting, self.path))
        super().exec_module(module)


def compiled(source: bytes, file: str) -> CodeType:
    """Compile a script.

    Args:
        source: As it stands in the file.
        file: For tracebacks.

    Raises:
        SyntaxError: It is no Python.
    """
    tree = ast.parse(source, file)
    return compile(ast.fix_missing_locations(_Looking().visit(tree)), file, "exec")


class _Looking(ast.NodeTransformer):
    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        both = (node.left, *node.comparators)
        plain = any(isinstance(side, ast.Constant | ast.JoinedStr) for side in both)
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq) or plain:
            return node
        return _call(EQUAL, [node], node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        return _call(DIVIDED, [node.left, node.right], node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Div) and isinstance(node.target, ast.Name):
            name = ast.Name(node.target.id, ast.Load())
            ast.copy_location(name, node.target)
            node.value = _call(SHARE, [name, node.value], node.value)
        return node


def _call(name: str, args: list[ast.expr], where: ast.expr) -> ast.Call:
    function = ast.copy_location(ast.Name(name, ast.Load()), where)
    line = ast.copy_location(ast.Constant(where.lineno), where)
    return ast.copy_location(ast.Call(function, [*args, line], []), where)
