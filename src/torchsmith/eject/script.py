"""A run as one script of plain PyTorch, in the order of a textbook."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import assert_never

from torchsmith.core.rounding import VARIABLE
from torchsmith.core.vocabulary import NOUNS
from torchsmith.core.wording import amount
from torchsmith.eject.code import (
    Section,
    comment,
    constant,
    docstring,
    function,
    imports,
    joined,
    literal,
    one_line,
)
from torchsmith.eject.datasets import dataset_section, pixels_section
from torchsmith.eject.evaluating import evaluate_section
from torchsmith.eject.loop import loop_section
from torchsmith.eject.network import network_section
from torchsmith.eject.preparing import prepare_section
from torchsmith.eject.reading import read_section
from torchsmith.eject.sequences import sequences_section
from torchsmith.eject.splitting import split_section
from torchsmith.eject.subject import Subject
from torchsmith.eject.volumes import voxels_section

WEIGHTS = "network.pt"

_SEED_FOR = '''\
def seed_for(purpose, *position):
    """Return the seed of all random numbers for one purpose, at one position.

    What is drawn depends on where it is drawn, and not on what was drawn before. So a
    change in one place, such as another network, leaves the split as it was.
    """
    text = "/".join(map(str, (SEED, purpose, *position)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1'''

_SEED_FOR_SEVERAL = _SEED_FOR.replace(
    "(purpose, *position)", "(purpose, *position, seed=SEED)"
).replace("(SEED, purpose", "(seed, purpose")

_GENERATOR = '''\
def generator(purpose, *position):
    """Return NumPy's random generator for one purpose, at one position."""
    return np.random.Generator(np.random.Philox(seed_for(purpose, *position)))'''

_GENERATOR_FOR_SEVERAL = '''\
def generator(purpose, *position, seed=SEED):
    """Return NumPy's random generator for one purpose, at one position."""
    key = seed_for(purpose, *position, seed=seed)
    return np.random.Generator(np.random.Philox(key))'''


def _prepare_section(subject: Subject) -> Section:
    match subject.data.kind:
        case "table":
            return prepare_section(subject)
        case "images":
            return pixels_section(subject)
        case "volumes":
            return voxels_section(subject)
        case "sequences":
            return sequences_section(subject)
        case _:
            assert_never(subject.data.kind)


def sections_of(subject: Subject) -> list[Section]:
    """Return the parts of the script, the constants first.

    Raises:
        DataError: The source is not there any more.
        PlanError: The plan cannot be written down in plain PyTorch.
    """
    parts = [
        read_section(subject),
        split_section(subject),
        _prepare_section(subject),
        dataset_section(subject),
        network_section(subject),
        loop_section(subject),
        evaluate_section(subject),
        _save_section(),
    ]
    return [
        _constants_section(subject, parts),
        *(p for p in parts if p.code or p.steps),
    ]


def _constants_section(subject: Subject, parts: list[Section]) -> Section:
    plan = subject.plan
    several = plan.split.seed != plan.training.seed and plan.split.time is None
    constants = [line for part in parts for line in part.constants]
    constants += [
        constant("SEED", plan.training.seed, "draws weights, order and parts"),
        constant("WEIGHTS", WEIGHTS, "where the trained weights go"),
    ]
    if subject.device != "cpu":
        constants.append(constant("DEVICE", subject.device))
    seeds = (
        [_SEED_FOR_SEVERAL, _GENERATOR_FOR_SEVERAL]
        if several
        else [_SEED_FOR, _GENERATOR]
    )
    return Section(
        title="Constants",
        about="Everything that one may want to change.",
        code=joined(["\n".join(constants), *seeds]),
        steps=tuple(_processor_steps(subject)),
    )


def _processor_steps(subject: Subject) -> Iterator[str]:
    if subject.rounding:  # read at the first product of matrices
        yield "# MKL multiplies matrices: with the same bits wherever these lie."
        yield f"os.environ.setdefault({literal(VARIABLE)}, {literal(subject.rounding)})"
    if threads := subject.plan.training.threads:
        yield f"torch.set_num_threads({threads})"
        if threads == 1:
            yield "torch.set_flush_denormal(True)  # below 1e-38 is 0, which is faster"


def _save_section() -> Section:
    steps = (
        "# To use them: network.load_state_dict(torch.load(WEIGHTS))",
        "torch.save(network.state_dict(), WEIGHTS)",
    )
    return Section("Save", "The weights, by the names of their layers.", "", steps)


def about_run(subject: Subject) -> str:
    """Return what the script is, in a few sentences."""
    number = amount(len(subject.data), NOUNS[subject.data.kind])
    target = one_line(subject.plan.problem.target)
    source = one_line(Path(subject.plan.data.source).name)
    return (
        f"Predict '{target}' of {source}: {number}.\n"
        f"Written by Torchsmith {version('torchsmith')} from the run "
        f"{one_line(subject.name)}. "
        f"It needs no Torchsmith, and on the CPU it ends with {_promise(subject)}."
    )


def _promise(subject: Subject) -> str:
    if subject.plan.training.engine == "compiled":
        return (
            "scores within the run's intervals: the run was trained by the compiled "
            "engine, which rounds differently"
        )
    return "the same weights and the same scores as the run, bit for bit"


def script_of(subject: Subject) -> str:
    """Write a run as one script of plain PyTorch.

    Raises:
        DataError: The source is not there any more.
        PlanError: The plan cannot be written down in plain PyTorch.
    """
    sections = sections_of(subject)
    pieces = []
    for number, section in enumerate(sections, start=1):
        if section.code:
            about = comment(section.about)
            pieces.append(f"# {number}. {section.title}\n{about}\n\n{_gap(section)}")
    about = comment("The parts in order; at the end the weights are saved.")
    heading = f"# {len(sections)}. Carry it out and save\n{about}"
    body = joined([*pieces, f"{heading}\n\n\n{main_of(sections)}"])
    guard = 'if __name__ == "__main__":\n    main()'
    head = docstring(about_run(subject), 0)
    return f"{head}\n\n{imports(body)}\n\n{body}\n\n\n{guard}\n"


def _gap(section: Section) -> str:
    """Begin definitions after two empty lines, constants after one."""
    starts = section.code.startswith(("def ", "class ", "@"))
    return f"\n{section.code}" if starts else section.code


def main_of(sections: list[Section]) -> str:
    """Write the function that carries the sections out."""
    lines: list[str] = []
    for section in sections:
        lines += section.steps
    lines.append("return network, test_scores")
    return function(
        "main()", "Carry it all out; return the network and its scores.", lines
    )
