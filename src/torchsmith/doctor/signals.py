"""What is sampled while a network trains, one line of `signals.jsonl` each."""

from torchsmith.core.record import Record


class LayerSignals(Record):
    """One layer with weights, or one activation.

    Attributes:
        name: Of the module.
        type: Its class.
        weight_rms: Root mean square of its weights; None for activations.
        update_rms: Of the change of the weights since the sample before, divided by
            the steps between; None for the first sample.
        grad_rms: Of the gradient of the loss of the probed examples.
        mean, deviation: Of its outputs.
        dead: The share of its units that are 0 for every probed example; for
            activations that can be 0 only.
        saturated: The share of its units that are beyond 95 % of the range for most
            probed examples; for Sigmoid and Tanh only.
    """

    name: str
    type: str
    weight_rms: float | None = None
    update_rms: float | None = None
    grad_rms: float | None = None
    mean: float | None = None
    deviation: float | None = None
    dead: float | None = None
    saturated: float | None = None


class Signals(Record):
    """One sample.

    Attributes:
        epoch: Finished epochs.
        step: Finished optimizer steps.
        loss: Mean of the probed examples, in eval mode.
        train_mode_loss: The same in train mode, with the batch's own statistics.
        grad_norm: Of the gradient of that loss.
        layers: In the order of the network.
        seconds: That the sample took.
    """

    epoch: int
    step: int
    loss: float
    train_mode_loss: float | None = None
    grad_norm: float | None = None
    layers: tuple[LayerSignals, ...] = ()
    seconds: float = 0.0
