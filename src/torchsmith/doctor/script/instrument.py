"""Compiles a script so that its comparisons and divisions can be looked at.

The file stays as it is, lines keep their numbers, and every expression has the value
that it always had: NumPy and plain numbers offer no hook of their own.
"""

import ast
from types import CodeType

EQUAL = "_torchsmith_equal"
DIVIDED = "_torchsmith_divided"
SHARE = "_torchsmith_share"


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
