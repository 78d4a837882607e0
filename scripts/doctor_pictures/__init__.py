"""The pictures of the doctor's pages: a sick and a healthy run, measured."""

from doctor_pictures import code, data, plan, quality, training

PICTURES = {
    **data.PICTURES,
    **plan.PICTURES,
    **code.PICTURES,
    **training.PICTURES,
    **quality.PICTURES,
}
"""By code, a function that measures."""
