"""How the probabilities of classes come to say how often they are right."""

from typing import Annotated

from torchsmith.core.spec import OneOf, Spec


class TemperatureScaling(Spec):
    """Divide the logits by one number, fitted on the val part after training.

    A network that is trained for long is surer of itself than it should be. One number
    for all classes repairs most of that, and changes no prediction: the order of the
    classes stays.

    Guo et al. (2017), https://arxiv.org/abs/1706.04599
    """


Calibration = Annotated[TemperatureScaling, OneOf()]
