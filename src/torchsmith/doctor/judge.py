"""After training: the course and the result, beside what simple rivals reach."""

from collections.abc import Iterator

from torchsmith.doctor.course import Course
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.inspect.inspection import Finding


def find_in_result(course: Course, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Find what the course and the scores show: P3, P7, T6 to T8, Q1 to Q6.

    Args:
        course: So far, or whole.
        evaluation: Of the run; None where training did not come to its end.
    """
    del course, evaluation
    yield from ()
