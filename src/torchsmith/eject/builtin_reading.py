"""The part of a script that reads a set which comes with scikit-learn."""

from torchsmith.eject.code import Section, constant, function, quoted
from torchsmith.eject.sources import Located
from torchsmith.eject.subject import Subject
from torchsmith.eject.table_reading import column_lists

_OPTIONS = {"diabetes": "scaled=False"}  # in its raw units


def read_builtin_section(subject: Subject, located: Located) -> Section:
    """Write how a set of scikit-learn is read."""
    name = subject.plan.data.source if located.entry is None else located.entry.name
    loaded = f"bunch = load_{name}({_OPTIONS.get(name, '')})"
    if subject.is_table:
        return _table(subject, loaded)
    body = [
        loaded,
        "pixels = bunch.images.astype(np.uint8)[:, None]",
        "return pixels, bunch.target",
    ]
    about = "Return the pictures (N, C, H, W) and their classes (N,)."
    return Section(
        title="Read the data",
        about="The pictures come with scikit-learn: grey, so with one channel.",
        code=function("read()", about, body),
        steps=("pixels, targets = read()",),
        constants=(constant("CLASSES", list(subject.classes)),),
    )


def _table(subject: Subject, loaded: str) -> Section:
    lists = column_lists(subject)
    own = subject.target.name not in subject.columns and _is_own_target(subject)
    columns = [
        loaded,
        "columns = dict(zip(bunch.feature_names, bunch.data.T.copy()))",
        "table = {name: columns[name] for name in NUMBERS}",
    ]
    targets = "bunch.target" if own else f"columns[{quoted(subject.target.name)}]"
    body = [*columns, f"return table, {targets}"]
    about = "Return the columns by name, and what is to be predicted."
    classes = [constant("CLASSES", list(subject.classes))] if subject.classes else []
    return Section(
        title="Read the data",
        about="The table comes with scikit-learn.",
        code=function("read()", about, body),
        steps=("table, targets = read()",),
        constants=(*classes, *(constant(n, list(v)) for n, v in lists.items())),
    )


def _is_own_target(subject: Subject) -> bool:
    """Whether the target is what the set is made for, not one of its columns."""
    return subject.target.kind == "text" or subject.target.name == "progression"
