"""The codes of the doctor: what each is, and when it can be found.

`D1` to `D38` that inspection finds are explained in `docs/findings.md`; a page in
`docs/doctor/` explains each of these.
"""

from typing import NamedTuple

from torchsmith.inspect.inspection import Moment


class Disease(NamedTuple):
    """One entry.

    Attributes:
        code: Stable.
        title: What is wrong, in a few words.
        moments: When it can be found.
    """

    code: str
    title: str
    moments: tuple[Moment, ...]


CATALOGUE = (
    Disease("D1", "Inputs or targets are no finite numbers", ("before",)),
    Disease("D2", "A column, channel or pixel never changes", ("before",)),
    Disease("D3", "Inputs are not scaled", ("before",)),
    Disease("D4", "The target is not scaled", ("before",)),
    Disease("D5", "Classes are unbalanced, and the metric hides it", ("before",)),
    Disease("D6", "A class or category is missing in a part", ("before",)),
    Disease("D7", "Labels are not what the loss expects", ("before",)),
    Disease("D8", "The same examples are in two parts", ("before",)),
    Disease("D9", "Related examples are in two parts", ("before",)),
    Disease("D10", "A column gives the answer away", ("before",)),
    Disease("D11", "Labels are wrong", ("before", "after")),
    Disease("D12", "Equal inputs have different labels", ("before",)),
    Disease("D13", "Some examples are damaged", ("before",)),
    Disease("D14", "The parts differ from each other", ("before",)),
    Disease("D15", "Inputs say nothing about the target", ("before", "during")),
    Disease("P1", "The learning rate is too high", ("before", "during")),
    Disease("P2", "The learning rate is too low", ("before", "during", "after")),
    Disease("P3", "Training was too short", ("before", "during", "after")),
    Disease("P4", "The batch size does not fit", ("before",)),
    Disease("P5", "Loss and last layer do not fit", ("before",)),
    Disease("P6", "The outputs cannot reach the targets", ("before",)),
    Disease("P7", "The network is regularised too much", ("before", "after")),
    Disease("P8", "Examples come in an order", ("before",)),
    Disease("P9", "The parts are prepared differently", ("before",)),
    Disease("P10", "An augmentation changes what an example is", ("before",)),
    Disease("P11", "The network is too small or linear", ("before", "after")),
    Disease("P12", "Parameters are not trained", ("before",)),
    Disease("P13", "The schedule ends learning early", ("before",)),
    Disease("C1", "A step changes nothing", ("before",)),
    Disease("C2", "Gradients add up from step to step", ("before",)),
    Disease("C3", "The graph of gradients is cut", ("before",)),
    Disease("C4", "Shapes are broadcast in the loss", ("before",)),
    Disease("C5", "Examples of a batch mix with each other", ("before",)),
    Disease("C6", "Train and eval mode disagree", ("before", "during", "after")),
    Disease("C7", "The data set gives wrong or changing items", ("before",)),
    Disease("C8", "Validation reads its part wrongly", ("before",)),
    Disease("C9", "The input makes no difference", ("before", "during")),
    Disease("C10", "The initial weights are bad", ("before", "after")),
    Disease("C11", "Numbers have the wrong type", ("before",)),
    Disease("C12", "The loss grows with the batch", ("before",)),
    Disease("T1", "Training diverges", ("during",)),
    Disease("T2", "Gradients explode", ("during",)),
    Disease("T3", "Gradients vanish", ("before", "during")),
    Disease("T4", "Units are dead", ("during",)),
    Disease("T5", "Units are saturated", ("during",)),
    Disease("T6", "The loss stands still too high", ("during", "after")),
    Disease("T7", "The score swings", ("during", "after")),
    Disease("T8", "The network learns by heart", ("during", "after")),
    Disease("Q1", "No better than a simple rival", ("after",)),
    Disease("Q2", "Chosen by the test part", ("before", "after")),
    Disease("Q3", "The test part is too small", ("before", "after")),
    Disease("Q4", "Probabilities are wrong", ("after",)),
    Disease("Q5", "One group fails", ("after",)),
    Disease("Q6", "Too good to be true", ("after",)),
)
