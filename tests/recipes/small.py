"""A study that trains in a moment."""

SMALL_STUDY = """\
# torchsmith study, version 1
title: Two rates
question: Which is faster?
draw: [val_loss, val_accuracy]
seeds: [0, 1]
variants:
  # One step in a hundred.
  low rate: {}
  high rate: {optimizer.SGD.lr: 0.5}
---
# torchsmith plan, version 1
problem: {task: multiclass, target: label, metric: accuracy, classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']}
data: {source: digits}
prepare:
  - ToFloat: 16
network:
  Sequential:
    - Flatten
    - Linear: 10  # as simple as can be
loss: CrossEntropyLoss
optimizer: {SGD: {lr: 0.01}}
training: {epochs: 2, batch_size: 256}
stopping: {patience: 0}
"""  # noqa: E501
