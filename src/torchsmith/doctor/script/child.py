"""Runs one script under watch, as `python -m torchsmith.doctor.script.child` does.

A process of its own, so that whatever the script does ends with it.
"""

import json
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType, ModuleType

from torchsmith.core.errors import Interrupted
from torchsmith.core.files import write_atomic
from torchsmith.doctor.script.facts import Facts
from torchsmith.doctor.script.instrument import (
    compiled,
    looking_into_imports,
    names_of,
)
from torchsmith.doctor.script.judging import judged, refusal
from torchsmith.doctor.script.places import Place, Places
from torchsmith.doctor.script.watcher import Enough, Watcher


def run_script(script: Path, arguments: list[str]) -> Facts:
    """Run a script as `python script.py` does, and return what was seen.

    Args:
        script: Absolute.
        arguments: Of the script.
    """
    places = Places(script)
    watcher = Watcher(places)
    module = ModuleType("__main__")
    file = str(script)
    module.__dict__.update({"__file__": file, "__builtins__": __builtins__})
    module.__dict__.update(names_of(watcher.counting, file))
    facts, before = watcher.facts, (sys.modules["__main__"], sys.argv, sys.path)
    sys.modules["__main__"] = module
    sys.argv = [file, *arguments]
    sys.path = [str(script.parent), *sys.path]
    try:
        code = compiled(script.read_bytes(), file)
        with looking_into_imports(places, watcher.counting), watcher.watching():
            exec(code, module.__dict__)  # noqa: S102 -- that is the person's wish
    except (Enough, Interrupted, KeyboardInterrupt):  # torchsmith heeds a signal, too
        facts.ended = "stopped"
    except SystemExit as leaving:
        if leaving.code not in (None, 0):
            facts.ended = "left"
            facts.error = f"{leaving.code}"
            facts.error_place = _own_line(leaving, places)
    except Exception as error:  # noqa: BLE001 -- whatever a script may raise
        facts.ended = "failed"
        facts.error = f"{type(error).__name__}: {error}"
        facts.error_place = _own_line(error, places)
        _print(error)
    finally:
        sys.modules["__main__"], sys.argv, sys.path = before
    if facts.ended != "ended":
        facts.leave_open()
    return facts


def _print(error: Exception) -> None:
    """Print an error as Python does, without the frames of the watch."""
    told = traceback.TracebackException.from_exception(error)
    here = str(Path(__file__).parent)
    frames = [f for f in told.stack if not f.filename.startswith(here)]
    told.stack = traceback.StackSummary.from_list(frames)
    sys.stderr.write("".join(told.format()))


def _own_line(error: BaseException, places: Places) -> Place | None:
    if isinstance(error, SyntaxError) and error.lineno:
        file = error.filename or ""  # such as `<string>`, of what a script evaluates
        if places.owns(file):
            return Place(file, error.lineno)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if places.owns(frame.filename)]
    return Place(own[-1].filename, own[-1].lineno or 0) if own else None


def main() -> None:
    """Run the script of the command line, and write what the rules say of it."""
    report, script, *arguments = sys.argv[1:]

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise Enough

    signal.signal(signal.SIGTERM, stop)
    facts = run_script(Path(script).resolve(), arguments)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    diagnosis = judged(facts)
    told = {
        "refused": refusal(facts, diagnosis),
        "diagnosis": diagnosis.model_dump(mode="json"),
    }
    write_atomic(Path(report), json.dumps(told))


if __name__ == "__main__":
    main()
