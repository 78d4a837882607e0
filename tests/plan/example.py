"""A plan as a person would write it."""

EXAMPLE = """\
# torchsmith plan, version 1
problem:
  task: multiclass          # 'label' holds 10 distinct whole numbers
  target: label
  metric: accuracy          # classes are balanced (smallest 9.0 %, largest 11.2 %)
data:
  source: mnist
  fingerprint: sha256:abc
split: {test: given, val: 0.1, stratify: true, seed: 0}
prepare:
  - ToFloat: {scale: 255}
  - Standardize: {}         # fitted on the training part only
network:
  Sequential:
    - Flatten
    - Linear: 500           # out_features; in_features follow from the data
    - ReLU
    - Linear: 10
loss: CrossEntropyLoss
optimizer: {Adam: {lr: 0.001}}
schedule: {CosineAnnealingLR: {}}
training: {epochs: 10, batch_size: 100, precision: float32, seed: 0}
stopping: {monitor: val_loss, patience: 5, restore_best: true}
"""
