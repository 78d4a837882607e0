"""JAX: the whole epoch is one compiled function, its steps under `lax.scan`.

Convolutions are slow in a loop of XLA's on the processor: there, each step is called.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from benchmarks.peers.work import LR, Job, Work


class Trained:
    """Weights that have been trained."""

    def __init__(self, forward, weights) -> None:
        self.forward, self.weights = jax.jit(forward), weights

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Return raw outputs."""
        parts = np.array_split(inputs, max(1, len(inputs) // 1000))
        return np.concatenate([self.forward(self.weights, part) for part in parts])

    def save(self, path: str) -> None:
        """Save the weights."""
        leaves = jax.tree.leaves(self.weights)
        np.savez(path, *[np.asarray(leaf) for leaf in leaves])


def initial(job: Job, key):
    """Draw weights as PyTorch does: uniform within one over the root of the inputs."""
    shapes = [(9, 32), (288, 64)] if job.is_images else []
    shapes += list(zip(job.sizes, job.sizes[1:], strict=False))
    weights = []
    for place, (before, size) in enumerate(shapes):
        bound = before**-0.5
        own = jax.random.split(jax.random.fold_in(key, place))
        shape = (before, size)
        if job.is_images and place < 2:
            shape = (3, 3, before // 9, size)
        draws = (
            jax.random.uniform(k, s, minval=-bound, maxval=bound)
            for k, s in zip(own, (shape, (size,)), strict=True)
        )
        weights.append(tuple(draws))
    return weights


def forward(job: Job, weights, x):
    """Return raw outputs; pictures are `(N, 1, 28, 28)`."""
    if job.is_images:
        x = x.reshape(-1, 28, 28, 1)
        for w, b in weights[:2]:
            x = jax.lax.conv_general_dilated(
                x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = jax.nn.relu(x + b)
        x = x.reshape(-1, 12, 2, 12, 2, 64).max((2, 4)).reshape(-1, 9216)
        weights = weights[2:]
    for w, b in weights[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = weights[-1]
    return x @ w + b


def loss(job: Job, weights, x, y):
    """Return the mean loss of a batch."""
    outputs = forward(job, weights, x)
    if job.is_regression:
        return ((outputs - y) ** 2).mean()
    return -jnp.take_along_axis(jax.nn.log_softmax(outputs), y[:, None], 1).mean()


def adam(state, gradients):
    """Return weights, moments and count after a step of Adam."""
    weights, first, second, count = state
    count = count + 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
    size = LR / (1 - 0.9**count)
    correction = jnp.sqrt(1 - 0.999**count)

    def moved(w, m, v):
        return w - size * m / (jnp.sqrt(v) / correction + 1e-8)

    return jax.tree.map(moved, weights, first, second), first, second, count


def train(work: Work) -> Trained:
    """Train."""
    job = work.job
    x, y = jnp.asarray(work.inputs), jnp.asarray(work.targets)
    whole = len(x) // job.batch * job.batch

    def step(state, rows):
        gradients = jax.grad(partial(loss, job))(state[0], x[rows], y[rows])
        return adam(state, gradients), None

    @partial(jax.jit, donate_argnums=0)
    def in_one(state, key):
        order = jax.random.permutation(key, len(x))
        batches = order[:whole].reshape(-1, job.batch)
        state, _ = jax.lax.scan(step, state, batches)
        return state if whole == len(x) else step(state, order[whole:])[0]

    one_step = jax.jit(lambda state, rows: step(state, rows)[0], donate_argnums=0)

    def step_by_step(state, key):
        order = jax.random.permutation(key, len(x))
        for begin in range(0, len(x), job.batch):
            state = one_step(state, order[begin : begin + job.batch])
        return state

    epoch = step_by_step if job.is_images else in_one
    weights = initial(job, jax.random.key(0))
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros, jax.tree.map(jnp.zeros_like, weights), jnp.float32(0))
    for number in work.epochs():
        state = jax.block_until_ready(epoch(state, jax.random.key(number)))
    return Trained(partial(forward, job), state[0])
