"""What Python tells the native code; the same fields in the same order as train.cpp."""

import ctypes
from ctypes import POINTER, Structure, c_double, c_int64, c_void_p


class Layer(Structure):
    """A linear layer and the activation after it; places count floats in the arenas."""

    _fields_ = [
        ("inputs", c_int64),
        ("outputs", c_int64),
        ("weight", c_int64),
        ("bias", c_int64),
        ("weight_group", c_int64),
        ("bias_group", c_int64),
        ("activation", c_int64),
        ("argument", c_double),
    ]


class Examples(Structure):
    """The training part: dense or sparse inputs, classes or numbers as targets."""

    _fields_ = [
        ("inputs", c_void_p),
        ("is_bytes", c_int64),
        ("offset", c_void_p),
        ("factor", c_void_p),
        ("row_starts", c_void_p),
        ("columns", c_void_p),
        ("values", c_void_p),
        ("base", c_void_p),
        ("classes", c_void_p),
        ("targets", c_void_p),
    ]


class Loss(Structure):
    """A loss with its arguments."""

    _fields_ = [
        ("kind", c_int64),
        ("is_sum", c_int64),
        ("argument", c_double),
        ("weight", c_void_p),
    ]


class Training(Structure):
    """What stays the same for all steps."""

    _fields_ = [
        ("num_layers", c_int64),
        ("layers", POINTER(Layer)),
        ("examples", Examples),
        ("loss", Loss),
        ("optimizer", c_int64),
        ("arena", c_int64),
        ("parameters", c_void_p),
        ("gradients", c_void_p),
        ("first", c_void_p),
        ("second", c_void_p),
        ("clip_norm", c_double),
        ("clip_value", c_double),
    ]


class Steps(Structure):
    """What is told anew at each call."""

    _fields_ = [
        ("count", c_int64),
        ("rows", c_void_p),
        ("starts", c_void_p),
        ("rates", c_void_p),
        ("groups", c_int64),
        ("done", c_int64),
        ("is_fresh", c_int64),
        ("measure", c_int64),
        ("threads", c_int64),
        ("loss_sum", c_void_p),
        ("loss_weight", c_void_p),
        ("norm", c_void_p),
    ]


def declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """Tell ctypes what the functions of the library take and give."""
    library.torchsmith_lanes.restype = c_int64
    library.torchsmith_train.argtypes = [POINTER(Training), POINTER(Steps)]
    library.torchsmith_train.restype = c_double
    library.torchsmith_compress.argtypes = [
        *(c_void_p, c_int64, c_int64, c_int64),
        *(c_void_p, c_void_p, c_void_p, c_void_p),
    ]
    library.torchsmith_compress.restype = c_int64
    return library
