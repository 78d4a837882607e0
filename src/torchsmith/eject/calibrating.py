"""The part of a script that calibrates probabilities by a temperature."""

from typing import assert_never

from torchsmith.eject.code import function, joined
from torchsmith.eject.monitoring import monitors_calibrated
from torchsmith.eject.subject import Subject
from torchsmith.eject.targets import num_outputs
from torchsmith.plan import losses
from torchsmith.plan.calibration import FEWEST_ROWS
from torchsmith.train.calibrate import HIGHEST, LOWEST, PRIOR_DEVIATION, ROUGHLY

_SHARES = (
    "# Each output as a share of their sum; all equal where there is nothing to share.",
    "values = values.masked_fill(values.amax(dim=1, keepdim=True) <= 0, 1.0)",
    "shares = values / values.sum(dim=1, keepdim=True)",
)

_BOTH = "torch.cat([1 - positive, positive], dim=1)"

_FIT = function(
    "fit_temperature(outputs, targets, tolerance=1e-5)",
    "Return what logits are divided by, for probabilities that keep their word.\n\n"
    "It has the lowest log loss on the val part (https://arxiv.org/abs/1706.04599).\n"
    "One more row of any class, and a prior around 1, keep few rows from going wild.",
    [
        "targets = torch.from_numpy(targets)[:, None]",
        "tiny = np.finfo(np.float64).eps\n",
        "def cost(log_temperature):\n"
        "    shares = probabilities_of(outputs, math.exp(log_temperature))\n"
        "    logs = -shares.clamp(tiny, 1 - tiny).log()\n"
        "    own, anyone = logs.gather(1, targets).mean().item(), logs.mean().item()\n"
        f"    prior = 0.5 * (log_temperature / {PRIOR_DEVIATION}) ** 2\n"
        "    return len(outputs) * own + anyone + prior\n",
        f"bounds = math.log({LOWEST}), math.log({HIGHEST})",
        'near = {"xatol": tolerance}',
        'found = minimize_scalar(cost, bounds=bounds, method="bounded", options=near)',
        "return math.exp(found.x)",
    ],
)

_CALIBRATED_LOSS = function(
    "calibrated_loss(outputs, targets)",
    "Return the log loss that is left when a temperature has been fitted.\n\n"
    "It tells how well classes are told apart, however sure the network is of itself\n"
    "(https://arxiv.org/abs/2501.19195).",
    [
        "temperature = 1.0",
        f"if len(outputs) >= {FEWEST_ROWS}:\n"
        f"    temperature = fit_temperature(outputs, targets, {ROUGHLY})",
        "shares = probabilities_of(outputs, temperature)",
        "tiny = np.finfo(np.float64).eps",
        "own = shares.gather(1, torch.from_numpy(targets)[:, None])",
        "return -own.clamp(tiny, 1 - tiny).log().mean().item()",
    ],
)


def is_calibrated(subject: Subject) -> bool:
    """Whether the run has found another temperature than 1."""
    return subject.temperature != 1


def calibrated_loss_functions(subject: Subject) -> str:
    """Write what chooses the best epoch by the calibrated log loss."""
    return joined([probabilities_function(subject), _FIT, _CALIBRATED_LOSS])


def temperature_function(subject: Subject) -> str:
    """Write how the temperature is fitted; empty where it is 1, or written before."""
    needed = is_calibrated(subject) and not monitors_calibrated(subject)
    return _FIT if needed else ""


def temperature_steps(subject: Subject) -> list[str]:
    """Write the statements of `main` that fit the temperature."""
    if not is_calibrated(subject):
        return []
    return [
        "temperature = fit_temperature(predict(network, val_set), targets[val])",
        'temperature = float(f"{temperature:.4g}")',
    ]


def probabilities_function(subject: Subject) -> str:
    """Write how outputs become probabilities, as the loss means them.

    The arithmetic is that of `torchsmith.nn.losses.probabilities`.
    """
    loss = subject.plan.loss
    one = num_outputs(subject) == 1
    monitored = monitors_calibrated(subject)
    calibrated = is_calibrated(subject) or monitored
    tempered = " / temperature" if calibrated else ""
    scaled = f"(outputs.double(){tempered})" if calibrated else "outputs.double()"
    shared = [*_SHARES, *_of_shares(calibrated=calibrated)]
    match loss:
        case losses.CrossEntropyLoss() | losses.NLLLoss():
            body = [f"return {scaled}.softmax(dim=1)"]
        case losses.BCEWithLogitsLoss() if one:
            body = [f"positive = {scaled}.sigmoid()", f"return {_BOTH}"]
        case losses.BCEWithLogitsLoss():
            logs = "(logs / temperature)" if calibrated else "logs"
            body = [
                "# Each output's sigmoid, as a share of their sum.",
                "logs = nn.functional.logsigmoid(outputs.double())",
                f"return {logs}.softmax(dim=1)",
            ]
        case losses.BCELoss() if one:
            body = [
                "positive = outputs.double()",
                f"shares = {_BOTH}",
                *_of_shares(calibrated=calibrated),
            ]
        case losses.BCELoss():
            body = ["values = outputs.double()", *shared]
        case losses.MSELoss():
            body = [
                "values = outputs.double()",
                "values = values - values.amin(dim=1, keepdim=True).clamp(max=0)",
                *shared,
            ]
        case losses.L1Loss() | losses.SmoothL1Loss() | losses.HuberLoss():
            raise AssertionError(loss)
        case _:
            assert_never(loss)
    about = "Turn outputs into probabilities of classes, (N, K)."
    if not calibrated:
        return function("probabilities_of(outputs)", about, body)
    about += "\nA temperature above 1 makes them more equal."
    given = "temperature=1.0" if monitored else "temperature"
    return function(f"probabilities_of(outputs, {given})", about, body)


def _of_shares(*, calibrated: bool) -> list[str]:
    if not calibrated:
        return ["return shares"]
    return [
        "if temperature == 1:\n    return shares",
        "return (shares.log() / temperature).softmax(dim=1)",
    ]
