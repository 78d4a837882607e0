"""After training: the course and the result, beside what simple rivals reach."""

from collections.abc import Iterator

from torchsmith.doctor.course import Course
from torchsmith.doctor.judge_course import find_in_scores
from torchsmith.doctor.judge_fit import find_underfit
from torchsmith.doctor.judge_quality import find_in_quality
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.inspect.inspection import Finding


def find_in_result(course: Course, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Find what course and scores show: C6, D11, P3, P7, P11, T6 to T8, Q1 to Q6.

    Args:
        course: So far, or whole.
        evaluation: Of the run; None of a person's own module, and where
            training did not come to its end.
    """
    yield from find_in_scores(course, evaluation)
    yield from find_underfit(course, evaluation)
    if evaluation is not None:
        yield from find_in_quality(course, evaluation)
