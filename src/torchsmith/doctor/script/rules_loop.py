"""What a training loop forgets: gradients, steps, parameters."""

import ast
from collections.abc import Iterable, Iterator

from torch import Tensor, nn

from torchsmith.core.wording import amount
from torchsmith.doctor.script.facts import Call, Facts, Loss, Stepping
from torchsmith.doctor.script.found import found
from torchsmith.doctor.script.places import Place
from torchsmith.doctor.script.reading import Reading, Sources, last_name
from torchsmith.inspect.inspection import Finding

ADDED = 0.5
"""Share of an optimizer's steps whose gradients hold older ones, above which nobody
clears them: gradient accumulation clears them after each step."""

FEW = 3
"""Steps or gradients before a verdict."""

_FLAT = frozenset({"round", "floor", "ceil", "trunc", "sign", "heaviside"})
"""Functions whose gradient is 0."""


def find_in_loop(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find C1, C2, C3 and P12 in the order of gradient and step.

    Args:
        facts: That were seen.
        sources: Of the script.
    """
    uncalled = [one for reading in sources for one in _not_called(facts, reading)]
    yield from uncalled
    said = {finding.code for finding in uncalled}
    for rule in (_added, _no_step, _cut, _idle, _not_trained, _unreached, _restored):
        yield from (finding for finding in rule(facts) if finding.code not in said)
    yield from _frozen(facts, sources)


def _not_called(facts: Facts, reading: Reading) -> Iterator[Finding]:
    codes = {"backward": "C1", "step": "C1", "zero_grad": "C2", "eval": "C6"}
    for node in ast.walk(reading.tree):
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Attribute):
            continue
        name = node.value.attr
        if name in codes:
            text = ast.unparse(node.value)
            told = (
                f"{text} is named, but not called.",
                "Without () the line does nothing.",
                f"Write {text}().",
            )
            yield found(facts, codes[name], "error", reading.place(node), told)


def _added(facts: Facts) -> Iterator[Finding]:
    for stepping in facts.steppings:
        steps = stepping.num_steps - 1
        if stepping.num_added < FEW - 1 or stepping.num_added < ADDED * steps:
            continue
        told = (
            "Gradients add up from step to step: nobody clears them.",
            f"In {stepping.num_added} of {steps} steps the gradients of the step "
            "before were still there when the next were added.",
            "Call optimizer.zero_grad() once for each step, before backward().",
        )
        yield found(facts, "C2", "error", _backward_place(facts, stepping), told)
    if facts.num_added_by_hand >= max(FEW, ADDED * facts.num_by_hand):
        told = (
            "Gradients add up from step to step: nobody clears them.",
            f"After {facts.num_added_by_hand} of {facts.num_by_hand} steps by hand "
            "their gradients were still there when the next were added.",
            "Set each gradient back after the step that uses it: w.grad = None, or "
            "model.zero_grad().",
        )
        yield found(facts, "C2", "error", facts.losses[0].place, told)


def _backward_place(facts: Facts, stepping: Stepping) -> Place | None:
    """Return the last gradient before this optimizer's step in the same file."""
    places = {loss.place for loss in facts.losses if loss.place is not None}
    step = stepping.step_place
    if step is None or not places:
        return step
    before = [p for p in places if p.file == step.file and p.line <= step.line]
    return max(before, key=lambda p: p.line, default=min(places))


def _no_step(facts: Facts) -> Iterator[Finding]:
    if len(facts.losses) < FEW or facts.num_steps:
        return
    calls = [call for call in facts.trained_calls if call.module is not None]
    if not calls or any(_moved(facts, call.module) for call in calls if call.module):
        return
    if len(facts.losses) < 20 and facts.ended == "stopped":
        return
    made = "no optimizer was made" if not facts.steppings else "its step() never ran"
    told = (
        "Gradients are computed, but no step changes the weights.",
        f"After {len(facts.losses)} gradients every weight is as it began: {made}.",
        "Call optimizer.step() after loss.backward().",
    )
    yield found(facts, "C1", "error", facts.losses[0].place, told)


def _moved(facts: Facts, module: nn.Module) -> bool:
    before = facts.initial.get(id(module))
    if before is None:
        return True
    pairs = zip(module.parameters(), before.parameters(), strict=False)
    return any(not now.equal(then) for now, then in pairs)


def _cut(facts: Facts) -> Iterator[Finding]:
    """A loss that no parameter hangs on."""
    failed = "does not require grad" in facts.error
    leaves = [loss for loss in facts.losses if loss.is_leaf]
    if len(leaves) < max(FEW, 0.5 * len(facts.losses)):
        cut_off = [s for s in facts.steppings if _is_cut_off(facts, s)]
        before = {_backward_place(facts, stepping) for stepping in cut_off}
        leaves = [loss for loss in facts.losses if loss.place in before]
    if not failed and not leaves:
        return
    backward = facts.error_place if failed else leaves[0].place
    if frozen := _all_frozen(facts):
        told = (
            "All parameters are frozen: nothing can be learned.",
            f"None of {amount(len(frozen.parameters), 'parameter')} of the optimizer "
            f"requires a gradient; backward() at {facts.places.told(backward)} finds "
            "none.",
            "Let the layers that shall learn keep requires_grad = True, such as a new "
            "last layer that is put in after the others are frozen.",
        )
        yield found(facts, "P12", "error", frozen.place, told)
        return
    place, how = _first_cut(facts)
    if place is None and leaves:
        place, how = _cut_before(facts, leaves[0])
    told = (
        "The loss does not hang on the weights: the graph of gradients is cut.",
        f"backward() at {facts.places.told(backward)} finds no way back to them"
        + (f"; {how} cuts it." if how else "."),
        "Compute the loss from the network's output as it is, without detach(), .data, "
        "numpy(), item(), tolist(), argmax(), torch.no_grad() or a new tensor.",
    )
    yield found(facts, "C3", "error", place or backward, told)


def _all_frozen(facts: Facts) -> Stepping | None:
    """Return an optimizer, where none of them has a parameter that can learn."""
    known = facts.steppings
    if any(p.requires_grad for stepping in known for p in stepping.parameters):
        return None
    return next(iter(known), None)


def _is_cut_off(facts: Facts, stepping: Stepping) -> bool:
    """Whether networks that an optimizer trains answer, and never get a gradient."""
    own = {id(parameter) for parameter in stepping.parameters}
    if not facts.losses or not _is_idle(stepping) or own & facts.touched:
        return False
    calls = facts.calls
    if any(loss.num_reached > 0 for loss in facts.losses):  # of another network
        calls = [call for call in facts.trained_calls if call.has_grad]
    return bool(own & _parameters(calls))


def _is_idle(stepping: Stepping) -> bool:
    steps = stepping.num_steps
    few = steps < FEW or stepping.num_idle < 0.9 * steps
    return not few and not stepping.takes_closure


def _cut_before(facts: Facts, loss: Loss) -> tuple[Place | None, str]:
    """Return the line outside of networks that cuts a loss off, and what does."""
    for call in map(facts.call, sorted(loss.origin.calls)):
        if not call.has_grad:
            return call.place, "torch.no_grad() around the network"
    made = [o for o in loss.origin.recent if o.place is not None]
    cuts = [o for o in made if o.name == "detach"]
    anew = [o for o in made if "tensor" in o.name or "requires_grad" in o.name]
    if not made:
        return None, ""
    return (cuts or anew[::-1] or made[::-1])[0].place, ""


def _first_cut(facts: Facts) -> tuple[Place | None, str]:
    for place, name in facts.cuts.items():
        return place, f"{name} at {facts.places.told(place)}"
    return None, ""


def _idle(facts: Facts) -> Iterator[Finding]:
    for stepping in facts.steppings:
        if not _is_idle(stepping) or _is_cut_off(facts, stepping):
            continue
        if any(loss.is_leaf for loss in facts.losses):
            continue
        if facts.losses and not any(loss.value for loss in facts.losses):
            continue  # gradients of 0: said by the rule on losses
        own = {id(parameter) for parameter in stepping.parameters}
        elsewhere = any(loss.num_reached > 0 for loss in facts.losses)
        away = not own & _parameters(facts.trained_calls)
        evidence = (
            f"In {stepping.num_idle} of {stepping.num_steps} steps no parameter had a "
            "gradient"
        )
        if not facts.losses:
            remedy = "Call loss.backward() before optimizer.step()."
            place, evidence = stepping.step_place, f"{evidence}: backward() never ran."
        elif elsewhere and away:
            remedy = (
                "Give the optimizer the parameters of the network that is trained, "
                "after its last layer is replaced."
            )
            place = stepping.place
            evidence += ": they are no part of a network that is trained."
        elif elsewhere and not own & facts.reached.keys():
            remedy = "Give the optimizer the parameters of the network that is trained."
            place = stepping.place
            evidence += ", while parameters that it does not have had one."
        elif own & facts.reached.keys():
            remedy = "Call zero_grad() before backward(), not between it and step()."
            place = stepping.step_place
            evidence += ", though backward() gave them one."
        else:
            remedy = (
                "Look for what has a slope of 0 everywhere between network and loss, "
                "such as round() or sign(), and for units that are all dead."
            )
            place = _flat(facts) or stepping.step_place
            evidence += " other than 0."
        told = ("The optimizer's steps change nothing.", evidence, remedy)
        yield found(facts, "C1", "error", place, told)


def _flat(facts: Facts) -> Place | None:
    """Return the line that gives the loss a slope of 0."""
    recent = [o for loss in facts.losses[:FEW] for o in loss.origin.recent]
    return next((o.place for o in recent if o.name.rstrip("_") in _FLAT), None)


def _parameters(calls: Iterable[Call]) -> set[int]:
    """Return ids of the parameters that the networks of calls have now."""
    networks = {id(call.module): call.module for call in calls}
    return {id(p) for net in networks.values() if net for p in net.parameters()}


def _not_trained(facts: Facts) -> Iterator[Finding]:
    """Parameters that take part and have gradients, but belong to no optimizer."""
    if not facts.steppings or facts.num_steps < FEW:
        return
    given = {id(p) for stepping in facts.steppings for p in stepping.parameters}
    if not given & facts.reached.keys():
        return  # said by the rule above
    seen: set[int] = set()
    for call in facts.trained_calls:
        if call.module is None or id(call.module) in seen:
            continue
        seen.add(id(call.module))
        inside = {id(part) for part in call.module.modules()}
        used = facts.used.get(id(call.module), set()) | {id(call.module)}
        for number in sorted(used):
            module = facts.modules.get(number)
            if module is None:
                continue
            missing = [
                name
                for name, parameter in module.named_parameters(recurse=False)
                if id(parameter) in facts.reached and id(parameter) not in given
            ]
            if missing and number not in facts.loaded and not _by_hand(facts, module):
                yield _forgotten(facts, module, missing, hidden=number not in inside)


def _by_hand(facts: Facts, module: nn.Module) -> bool:
    """Whether something else than an optimizer changes these parameters."""
    for number, before in facts.initial.items():
        whole = facts.modules.get(number)
        if whole is None or before is None:
            continue
        names = {id(p): name for name, p in whole.named_parameters()}
        then: dict[str, Tensor] = dict(before.named_parameters())
        for parameter in module.parameters(recurse=False):
            name = names.get(id(parameter))
            if name in then and not parameter.equal(then[name]):
                return True
    return False


def _doubtful(facts: Facts) -> Stepping:
    """Return the optimizer that takes what another has, or the first."""
    taken: set[int] = set()
    for stepping in facts.steppings:
        own = {id(p) for p in stepping.parameters}
        if own <= taken:
            return stepping
        taken |= own
    return facts.steppings[0]


def _forgotten(
    facts: Facts, module: nn.Module, missing: list[str], *, hidden: bool
) -> Finding:
    kind = type(module).__name__
    place = facts.made_at.get(id(module)) if hidden else _doubtful(facts).place
    why = (
        f"{kind} is used in forward(), but is no part of the module: a plain list or "
        "dict hides it from parameters()."
        if hidden
        else f"{kind} has gradients for {', '.join(missing)} that no optimizer takes."
    )
    remedy = (
        "Keep layers in nn.ModuleList, nn.ModuleDict or attributes of their own."
        if hidden
        else "Give the optimizer model.parameters() after the network is complete, or "
        "set requires_grad to False where a layer shall stay as it is."
    )
    told = ("Parameters that take part are never trained.", why, remedy)
    return found(facts, "P12", "error", place, told)


def _restored(facts: Facts) -> Iterator[Finding]:
    """The best weights are read back, but were no copy."""
    for kept, back, steps in facts.restored:
        told = (
            "The weights that are read back are no copy: reading them changes nothing.",
            f"state_dict() gives the weights themselves, which {steps} later steps "
            f"changed; {facts.places.told(back)} reads those into the network.",
            "Keep copy.deepcopy(model.state_dict()), or save it to a file.",
        )
        yield found(facts, "C1", "error", kept, told)
        return


def _unreached(facts: Facts) -> Iterator[Finding]:
    """Layers that take part, while gradients are cut between them and the loss."""
    if len(facts.losses) < FEW or not facts.reached or not facts.cuts:
        return
    given = {id(p) for stepping in facts.steppings for p in stepping.parameters}
    for module in _taking_part(facts):
        own = [p for p in module.parameters(recurse=False) if p.requires_grad]
        if not own or any(id(p) in facts.touched or id(p) not in given for p in own):
            continue
        place, how = _first_cut(facts)
        told = (
            f"No gradient reaches {type(module).__name__}: the graph is cut behind it.",
            f"In {len(facts.losses)} backward passes its {len(own)} parameters, which "
            f"the optimizer has, got no gradient; {how} cuts it.",
            "Compute with tensors all the way, without detach(), .data, numpy() or a "
            "new tensor; take out of the optimizer what shall stay as it is.",
        )
        yield found(facts, "C3", "error", place, told)
        return


def _taking_part(facts: Facts) -> Iterator[nn.Module]:
    seen: set[int] = set()
    for call in facts.trained_calls:
        for number in facts.used.get(id(call.module), set()) - seen:
            seen.add(number)
            yield facts.modules[number]


def _frozen(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Layers that shall not learn, though nobody gave them weights."""
    if facts.num_steps < FEW:
        return
    for module in _taking_part(facts):
        weights = list(module.parameters(recurse=False))
        kind = isinstance(module, nn.Linear | nn.modules.conv._ConvNd | nn.RNNBase)
        if not kind or any(p.requires_grad for p in weights):
            continue
        if id(module) in facts.loaded or any(id(p) in facts.touched for p in weights):
            continue
        told = (
            f"{type(module).__name__} stays as it was drawn at random.",
            "Its parameters have requires_grad = False, and no weights were read into "
            "it.",
            "Let it learn, or read trained weights into it before it is frozen.",
        )
        places = [_freezing(reading) for reading in sources]
        line = next((place for place in places if place is not None), None)
        place = line or facts.made_at.get(id(module))
        yield found(facts, "P12", "warning", place, told)
        return


def _freezing(reading: Reading) -> Place | None:
    for node in ast.walk(reading.tree):
        if (
            isinstance(node, ast.Assign)
            and last_name(node.targets[0]) == "requires_grad"
        ):
            return reading.place(node)
        if isinstance(node, ast.Call) and last_name(node) == "requires_grad_":
            return reading.place(node)
    return None
