"""Classes that a script writes out because PyTorch does not have them."""

from torch import nn

from torchsmith.nn.adapted import Bilinear, Embedding, GroupNorm, Residual
from torchsmith.nn.members import MemberMLP
from torchsmith.nn.recurrent import Recurrent
from torchsmith.nn.tabular import PeriodicEmbedding, PiecewiseLinearEmbedding

_BILINEAR = '''\
class Bilinear(nn.Bilinear):
    """Weighted sums of the products of all pairs of features."""

    def forward(self, inputs):
        inputs = inputs.to(self.weight.dtype)
        return super().forward(inputs, inputs)'''

_EMBEDDING = '''\
class Embedding(nn.Embedding):
    """A vector for each code; the codes come as floats."""

    def forward(self, inputs):
        return super().forward(inputs.long())'''

_GROUP_NORM = '''\
class GroupNorm(nn.GroupNorm):
    """Normalisation that always computes the gradient of its input.

    Without it, PyTorch 2.13 writes past its memory where channels lie last.
    """

    def forward(self, inputs):
        if torch.is_grad_enabled() and not inputs.requires_grad:
            inputs = inputs.detach().requires_grad_()
        return super().forward(inputs)'''

_RESIDUAL = '''\
class Residual(nn.Module):
    """Layers whose output is added to their input."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, inputs):
        return self.layers(inputs) + inputs'''

_RESIDUAL_WITH_SHORTCUT = '''\
class Residual(nn.Module):
    """Layers whose output is added to their input.

    A shortcut brings the input to the shape of the output.
    """

    def __init__(self, layers, shortcut=None):
        super().__init__()
        self.layers = layers
        self.shortcut = shortcut or nn.Sequential()

    def forward(self, inputs):
        return self.layers(inputs) + self.shortcut(inputs)'''

_ALL_STEPS = '''\
class AllSteps(nn.Module):
    """What a recurrent network gives at every step: (N, L, C) to (N, L, H)."""

    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, inputs):
        return self.rnn(inputs)[0]'''

_LAST_STEP = '''\
class LastStep(nn.Module):
    """What a recurrent network knows after the last step: (N, L, C) to (N, H)."""

    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, inputs):
        return self.rnn(inputs)[0][:, -1]'''

_LAST_STEPS = '''\
class LastStep(nn.Module):
    """What a recurrent network knows after its last step: (N, L, C) to (N, H).

    The last step of the backward direction is the first of the sequence.
    """

    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, inputs):
        steps = self.rnn(inputs)[0]
        width = steps.shape[2] // 2
        return torch.cat([steps[:, -1, :width], steps[:, 0, width:]], dim=1)'''

_WAVES = '''\
class Waves(nn.Module):
    """Sines and cosines of each number, then a linear layer for each.

    A plain network is slow to learn what changes quickly along one column; waves of
    learned frequencies make it easy (https://arxiv.org/abs/2203.05556).
    """

    def __init__(self, num_columns, num_waves, width):
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(num_columns, num_waves) * SCALE)
        bound = 1 / math.sqrt(2 * num_waves)
        self.weight = nn.Parameter(
            torch.empty(num_columns, 2 * num_waves, width).uniform_(-bound, bound)
        )
        self.bias = nn.Parameter(
            torch.empty(num_columns, width).uniform_(-bound, bound)
        )

    def forward(self, numbers):
        angles = 2 * math.pi * self.frequencies * numbers.unsqueeze(2)  # (N, C, K)
        waves = torch.cat([angles.cos(), angles.sin()], dim=2)  # (N, C, 2K)
        embedded = torch.bmm(waves.transpose(0, 1), self.weight)  # (C, N, width)
        return torch.relu(embedded.transpose(0, 1) + self.bias).flatten(1)'''


_BINS = '''\
class Bins(nn.Module):
    """How much of each bin lies below a number, then a linear layer for each.

    That makes any function that is straight within each bin: steep where trees would
    cut (https://arxiv.org/abs/2203.05556). It begins as a straight line.
    """

    def __init__(self, num_columns, num_bins, width):
        super().__init__()
        bound = 3**0.5  # numbers are spread evenly from -bound to bound
        edges = torch.linspace(-bound, bound, num_bins + 1)
        self.register_buffer("lows", edges[:-1], persistent=False)
        self.width = 2 * bound / num_bins
        self.slope = nn.Parameter(torch.empty(num_columns, width).uniform_(-1, 1))
        self.bias = nn.Parameter(torch.empty(num_columns, width).uniform_(-1, 1))
        self.weight = nn.Parameter(torch.zeros(num_columns, num_bins, width))

    def forward(self, numbers):
        numbers = numbers.unsqueeze(2)
        passed = ((numbers - self.lows) / self.width).clamp(0, 1)  # (N, C, bins)
        bent = torch.bmm(passed.transpose(0, 1), self.weight).transpose(0, 1)
        return (bent + numbers * self.slope + self.bias).flatten(1)'''

_MEMBERS = '''\
class Members(nn.Module):
    """Several networks in one, which share the hidden layers.

    Each scales the inputs its own way, and has its own outputs: together they are
    about as good as so many networks (https://arxiv.org/abs/2410.24210).
    """

    def __init__(self, shared, members, groups, num_outputs):
        super().__init__()
        self.shared = shared
        width = [m.out_features for m in shared if isinstance(m, nn.Linear)][-1]
        factors = torch.randn(members, len(groups))  # the same within each group
        self.factors = nn.Parameter(
            factors.repeat_interleave(torch.tensor(groups), dim=1)
        )
        bound = 1 / math.sqrt(width)
        self.weight = nn.Parameter(
            torch.empty(members, width, num_outputs).uniform_(-bound, bound)
        )
        self.bias = nn.Parameter(
            torch.empty(members, num_outputs).uniform_(-bound, bound)
        )

    def forward(self, inputs):
        scaled = inputs.unsqueeze(1) * self.factors  # (N, M, in_features)
        hidden = self.shared(scaled.flatten(0, 1)).unflatten(0, scaled.shape[:2])
        outputs = torch.bmm(hidden.transpose(0, 1), self.weight).transpose(0, 1)
        outputs = outputs + self.bias  # (N, M, num_outputs)
        return outputs if self.training else outputs.mean(dim=1)'''


def own_classes(network: nn.Module, wave_scale: float = 0.0) -> list[str]:
    """Return the classes that a network is made of beside those of PyTorch."""
    found: dict[str, str] = {}
    for module in network.modules():
        match module:
            case Bilinear():
                found["Bilinear"] = _BILINEAR
            case Embedding():
                found["Embedding"] = _EMBEDDING
            case GroupNorm():
                found["GroupNorm"] = _GROUP_NORM
            case Residual():
                if len(module.shortcut):
                    found["Residual"] = _RESIDUAL_WITH_SHORTCUT
                found.setdefault("Residual", _RESIDUAL)
            case Recurrent():
                name, text = _recurrent(module)
                if text is _LAST_STEPS or name not in found:
                    found[name] = text
            case PeriodicEmbedding():
                found["Waves"] = _WAVES.replace("SCALE", repr(wave_scale))
            case PiecewiseLinearEmbedding():
                found["Bins"] = _BINS
            case MemberMLP():
                found["Members"] = _MEMBERS
            case _:
                pass
    return list(found.values())


def _recurrent(module: Recurrent) -> tuple[str, str]:
    if module.output == "all":
        return "AllSteps", _ALL_STEPS
    return "LastStep", _LAST_STEPS if module.rnn.bidirectional else _LAST_STEP
