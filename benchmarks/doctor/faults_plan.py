"""Faults of the learning: settings that cannot work well."""

from typing import Any

from benchmarks.doctor.fault import Fault
from benchmarks.doctor.tasks import Task

Settings = dict[str, Any]


def _lr(task: Task, factor: float) -> Settings:
    return {"optimizer.lr": task.lr * factor}


def _constant_lr(task: Task, factor: float) -> Settings:
    return {"optimizer.lr": task.lr * factor, "schedule": None}


def _sgd(task: Task, lr: float) -> Settings:
    del task
    return {"optimizer": {"SGD": {"lr": lr, "momentum": 0.9}}, "schedule": None}


def _momentum(task: Task, momentum: float) -> Settings:
    del task
    return {"optimizer": {"SGD": {"lr": 0.1, "momentum": momentum}}, "schedule": None}


def _eps(task: Task, eps: float) -> Settings:
    return {"optimizer": {"Adam": {"lr": task.lr, "eps": eps}}}


def _epochs(task: Task, share: float) -> Settings:
    return {"training.epochs": max(round(task.epochs * share), 1)}


def _min_delta(task: Task, share: float) -> Settings:
    del task
    patience = {"stopping.patience": 1, "stopping.min_delta": share}
    return {**patience, "schedule": None}


def _batch(task: Task, share: float) -> Settings:
    num = round(0.68 * task.pool * share)
    return {"training.batch_size": num, "training.epochs": max(task.epochs // 2, 1)}


def _noise(task: Task, factor: float) -> Settings:
    """Steps that are large and of few examples, to the end."""
    return {
        "optimizer.lr": task.lr * factor,
        "schedule": None,
        "training.batch_size": 8,
        "training.epochs": max(task.epochs // 4, 2),
        "stopping.restore_best": False,
    }


def _decay(task: Task, decay: float) -> Settings:
    return {"optimizer.weight_decay": decay / task.lr}


def _clipped(task: Task, limit: float) -> Settings:
    return {**_sgd(task, 0.05), "training.clip_grad_norm": limit}


def _decaying(task: Task, gamma: float) -> Settings:
    del task
    return {"schedule": {"ExponentialLR": {"gamma": gamma, "interval": "epoch"}}}


def _per_step(task: Task, gamma: float) -> Settings:
    del task
    return {
        "schedule": {"StepLR": {"step_size": 1, "gamma": gamma, "interval": "step"}}
    }


def _long_warm_up(task: Task, factor: float) -> Settings:
    steps = round(task.epochs * factor)
    rise = {"start_factor": 1e-4, "total_iters": steps, "interval": "epoch"}
    return {"schedule": {"LinearLR": rise}}


def _test_share(task: Task, count: int) -> Settings:
    return {"split.test": count / task.pool}


def _by_heart(task: Task, factor: int) -> Settings:
    """Train a wide network for long without restraint, and keep what came out last."""
    return {
        "network": task.network(tuple(4 * width for width in task.hidden)),
        "training.epochs": task.epochs * factor,
        "schedule": None,
        "stopping.restore_best": False,
        "optimizer.weight_decay": 0.0,
    }


def _overconfident(task: Task, factor: int) -> Settings:
    return {
        "training.epochs": task.epochs * factor,
        "schedule": None,
        "stopping.restore_best": False,
        "optimizer.weight_decay": 0.0,
    }


def _classes(task: Task) -> bool:
    return not task.regression


PLAN_FAULTS = (
    Fault(
        "lr-high",
        "a learning rate too high",
        "plan",
        ("P1", "T1"),
        (10.0, 100.0, 1000.0),
        settings=_lr,
        mendable=True,
    ),
    Fault(
        "lr-high-constant",
        "a learning rate too high, without a schedule",
        "plan",
        ("P1", "T1"),
        (10.0, 100.0, 1000.0),
        settings=_constant_lr,
        mendable=True,
    ),
    Fault(
        "lr-high-sgd",
        "a learning rate too high for SGD",
        "plan",
        ("P1", "T1"),
        (0.5, 2.0, 10.0),
        settings=_sgd,
        mendable=True,
    ),
    Fault(
        "lr-low",
        "a learning rate too low",
        "plan",
        ("P2",),
        (0.03, 0.003, 0.0003),
        settings=_lr,
        mendable=True,
    ),
    Fault(
        "lr-low-sgd",
        "a learning rate too low for SGD",
        "plan",
        ("P2",),
        (1e-3, 1e-4, 1e-5),
        settings=_sgd,
        mendable=True,
    ),
    Fault(
        "momentum",
        "too much momentum",
        "plan",
        ("P1", "T1", "T7"),
        (0.99, 0.995, 0.999),
        settings=_momentum,
        mendable=True,
    ),
    Fault(
        "adam-eps",
        "an eps that rules Adam's steps",
        "plan",
        ("P2",),
        (0.1, 1.0, 10.0),
        settings=_eps,
        mendable=True,
    ),
    Fault(
        "short",
        "training too short",
        "plan",
        ("P3",),
        (0.25, 0.12, 0.01),
        settings=_epochs,
        mendable=True,
    ),
    Fault(
        "early-stop",
        "early stopping that stops at once",
        "plan",
        ("P3",),
        (0.05, 0.2, 10.0),
        settings=_min_delta,
        mendable=True,
    ),
    Fault(
        "large-batch",
        "batches too large for the data",
        "plan",
        ("P4", "P3", "P2"),
        (0.25, 0.5, 1.0),
        settings=_batch,
        mendable=True,
    ),
    Fault(
        "noisy-steps",
        "large steps of few examples, to the end",
        "plan",
        ("T7", "P1", "P4"),
        (1.0, 3.0, 10.0),
        settings=_noise,
        mendable=True,
    ),
    Fault(
        "decay",
        "too much weight decay",
        "plan",
        ("P7",),
        (0.05, 0.2, 0.8),
        settings=_decay,
        mendable=True,
    ),
    Fault(
        "clipped",
        "gradients clipped to nothing",
        "plan",
        ("P2", "P7"),
        (0.05, 0.01, 0.001),
        settings=_clipped,
        mendable=True,
    ),
    Fault(
        "decaying",
        "a rate that falls each epoch",
        "plan",
        ("P13",),
        (0.5, 0.2, 0.05),
        settings=_decaying,
        mendable=True,
    ),
    Fault(
        "per-step",
        "a schedule of epochs stepped each step",
        "plan",
        ("P13",),
        (0.97, 0.9, 0.5),
        settings=_per_step,
        mendable=True,
    ),
    Fault(
        "warm-up",
        "a warm-up that never ends",
        "plan",
        ("P13", "P2"),
        (3.0, 30.0, 300.0),
        settings=_long_warm_up,
        mendable=True,
    ),
    Fault(
        "small-test",
        "a test part too small to say anything",
        "quality",
        ("Q3",),
        (40, 20, 10),
        settings=_test_share,
        effect="honesty",
        mendable=True,
    ),
    Fault(
        "by-heart",
        "learned by heart",
        "quality",
        ("T8",),
        (2, 4, 8),
        settings=_by_heart,
        mendable=True,
    ),
    Fault(
        "overconfident",
        "probabilities that say too much",
        "quality",
        ("Q4", "T8"),
        (2, 4, 8),
        settings=_overconfident,
        effect="calibration",
        where=_classes,
        mendable=True,
    ),
)
