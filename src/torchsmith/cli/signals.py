"""Ctrl-C and the like outside the training loop, which has handlers of its own."""

import signal
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)


class Stopped(KeyboardInterrupt):
    """The person, a scheduler, or a terminal that closes asked to stop.

    Where plain `KeyboardInterrupt` passes through `exec` of a text, as in the making of
    a dataclass, Python ends the process by the signal, whatever its exit code is.
    """


def hear_signals() -> None:
    """Raise `Stopped` on Ctrl-C, SIGTERM and SIGHUP; what was ignored stays so."""
    for number in _ENDING:
        if signal.getsignal(number) in _DEFAULTS:
            signal.signal(number, _stop)


def let_signals_end() -> None:
    """Let another signal end the process at once: it has nothing left to save.

    At its end Python waits for threads, and an exception then is a traceback.
    """
    for number in _ENDING:
        if signal.getsignal(number) is _stop:
            signal.signal(number, signal.SIG_DFL)


def _stop(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise Stopped
