"""Keras 3 on PyTorch or JAX, with many steps in one execution."""

import keras
import numpy as np
from benchmarks.peers.work import LR, Work


class Turns(keras.callbacks.Callback):
    """Waits for the turn before each epoch."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work

    def on_epoch_begin(self, epoch, logs=None) -> None:
        """Wait."""
        self.work.turn()


class Trained:
    """A model that has been trained."""

    def __init__(self, model: keras.Model, inputs_of) -> None:
        self.model, self.inputs_of = model, inputs_of

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Return raw outputs."""
        return self.model.predict(self.inputs_of(inputs), batch_size=1000, verbose=0)

    def save(self, path: str) -> None:
        """Save the model."""
        self.model.save(f"{path}.keras")


def train(work: Work, *, steps: int) -> Trained:
    """Train."""
    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(work.threads)
    keras.utils.set_random_seed(0)
    job, layers = work.job, []
    if job.is_images:
        layers += [
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
        ]
    layers += [keras.layers.Dense(size, activation="relu") for size in job.sizes[1:-1]]
    model = keras.Sequential([*layers, keras.layers.Dense(job.sizes[-1])])
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        optimizer=keras.optimizers.Adam(LR, epsilon=1e-8),
        loss="mse" if job.is_regression else cross_entropy,
        # Convolutions are slow in a loop of XLA's on the processor.
        steps_per_execution=1 if job.is_images else steps,
    )

    def inputs_of(inputs: np.ndarray) -> np.ndarray:
        """Put channels last, as the layers expect them."""
        return inputs.transpose(0, 2, 3, 1) if job.is_images else inputs

    model.fit(
        np.ascontiguousarray(inputs_of(work.inputs)),
        work.targets,
        batch_size=job.batch,
        epochs=work.num_epochs,
        shuffle=True,
        verbose=0,
        callbacks=[Turns(work)],
    )
    work.done()
    return Trained(model, inputs_of)
