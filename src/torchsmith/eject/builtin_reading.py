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
        own = subject.target.name if located.entry is None else located.entry.target
        return _table(subject, loaded, own)
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


def _table(subject: Subject, loaded: str, own: str) -> Section:
    lists = column_lists(subject)
    target, label = subject.target.name, "bunch.target"
    if subject.columns.get(own, subject.target).levels:
        label = "bunch.target_names[bunch.target]"
    body = [loaded, "columns = dict(zip(bunch.feature_names, bunch.data.T.copy()))"]
    if target != own:
        body.append(f"columns[{quoted(own)}] = {label}")
    body.append(f"table = {{name: columns[name] for name in {' + '.join(lists)}}}")
    values = label if target == own else f"columns[{quoted(target)}]"
    body += _targets(subject, values)
    body.append("return table, targets")
    classes = [constant("CLASSES", list(subject.classes))] if subject.classes else []
    return Section(
        title="Read the data",
        about="The table comes with scikit-learn.",
        code=function(
            "read()", "Return the columns by name, and what is to be predicted.", body
        ),
        steps=("table, targets = read()",),
        constants=(*classes, *(constant(n, list(v)) for n, v in lists.items())),
    )


def _targets(subject: Subject, values: str) -> list[str]:
    """Return the statements that make targets of the values of a column."""
    if not subject.classes:
        return [f"targets = {values}"]
    item = "name" if subject.target.levels else 'f"{name:.15g}"'
    made = "targets = np.array([CLASSES.index({item}) for name in names])"
    return [f"names = {values}", made.replace("{item}", item)]
