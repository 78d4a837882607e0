"""The part of a script that reads the data."""

from torchsmith.eject.array_reading import read_npz_section
from torchsmith.eject.builtin_reading import read_builtin_section
from torchsmith.eject.code import Section
from torchsmith.eject.nifti_reading import read_nifti_section
from torchsmith.eject.picture_reading import read_pictures_section
from torchsmith.eject.sequence_reading import read_sequences_section
from torchsmith.eject.sources import locate
from torchsmith.eject.subject import Subject
from torchsmith.eject.table_reading import read_table_section


def read_section(subject: Subject) -> Section:
    """Write how the source of a plan is read.

    Raises:
        DataError: The source is not there any more.
        PlanError: There is no plain way to read it.
    """
    if subject.data.kind == "sequences":
        return read_sequences_section(subject)
    located = locate(subject.plan.data.source)
    if located.path is None:
        return read_builtin_section(subject, located)
    if subject.data.reading.get("format") == "NIfTI":
        return read_nifti_section(subject, located.path)
    if located.path.suffix == ".npz" or (
        located.path.is_dir()
        and subject.data.kind in {"table", "volumes"}
        and not located.files
    ):
        return read_npz_section(subject, located.path)
    if subject.is_table:
        return read_table_section(subject, located)
    return read_pictures_section(subject, located)
