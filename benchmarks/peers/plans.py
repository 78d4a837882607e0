"""The jobs as plans of Torchsmith."""

import os

from benchmarks.peers.work import JOBS, PICTURES

TABLE = """\
version: 1
problem: {task: regression, target: MedHouseVal, metric: rmse}
data:
  source: california_housing
  columns: {MedInc: number, HouseAge: number, AveRooms: number, AveBedrms: number,
            Population: number, AveOccup: number, Latitude: number, Longitude: number}
split: {test: 0.2, val: 0.1}
prepare: [Standardize, StandardizeTarget]
network: {Sequential: [{Linear: 100}, ReLU, {Linear: 1}]}
loss: MSELoss
"""

DIGITS = """\
version: 1
problem:
  task: multiclass
  target: label
  metric: accuracy
  classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']
data: {source: SOURCE}
split: {test: given, val: 0.1, stratify: true}
prepare: [{ToFloat: 255}]
network: {Sequential: LAYERS}
loss: CrossEntropyLoss
"""

CONVOLUTIONS = "{Conv2d: {out_channels: 32, kernel_size: 3}}, ReLU, \
{Conv2d: {out_channels: 64, kernel_size: 3}}, ReLU, {MaxPool2d: 2}, Flatten"

TRAINING = """\
optimizer: {Adam: {lr: 0.001}}
training: {epochs: EPOCHS, batch_size: BATCH, engine: ENGINE, precision: PRECISION}
stopping: {monitor: val_loss, patience: 0, restore_best: true}
"""


def plan_of(
    name: str, *, epochs: int, engine: str = "auto", precision: str = "float32"
) -> str:
    """Return the plan of a job; engine and threads are Torchsmith's own choice."""
    job = JOBS[name]
    if job.is_regression:
        problem = TABLE
    else:
        first = CONVOLUTIONS if job.is_images else "Flatten"
        hidden = "".join(f"{{Linear: {size}}}, ReLU, " for size in job.sizes[1:-1])
        layers = f"[{first}, {hidden}{{Linear: {job.sizes[-1]}}}]"
        source = os.environ[PICTURES] if job.is_images else "mnist"
        problem = DIGITS.replace("LAYERS", layers).replace("SOURCE", source)
    values = {
        "EPOCHS": epochs,
        "BATCH": job.batch,
        "ENGINE": engine,
        "PRECISION": precision,
    }
    training = TRAINING
    for word, value in values.items():
        training = training.replace(word, str(value))
    return problem + training
