"""What `fit` trains: the optimizer's parameters, and no gradient of others counts."""

import re
import signal
import warnings
from contextlib import suppress

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import TensorDataset

import torchsmith as ts
from torchsmith.core.errors import Interrupted, PlanError
from torchsmith.train.watch import TrainingObserver

INPUTS = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
TARGETS = (INPUTS.sum(1) > 0).long()
ENGINES = ["eager", "captured"]


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def fit(module, **given):
    given = {"loss": "CrossEntropyLoss", "epochs": 2, "batch_size": 10} | given
    return ts.fit(module, (INPUTS, TARGETS), **{"runs": None} | given)


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def norms(done):
    return [record.grad_norm for record in done.history]


@pytest.mark.parametrize("clip", [0.0, 0.05])
@pytest.mark.parametrize("optimizer", ["Adam", "SGD"])
def test_a_layer_that_was_frozen_after_a_training_stays(optimizer, clip):
    found = []
    for engine in ENGINES:
        module = network()
        fit(module, engine=engine)
        before = weights(module[0].requires_grad_(False))
        done = fit(module, engine=engine, optimizer=optimizer, clip_grad_norm=clip)
        assert torch.equal(weights(module[0]), before)
        assert module[0].weight.grad is None
        found.append((weights(module), norms(done)))
    (ours, measured), (theirs, expected) = found
    assert torch.equal(ours, theirs)
    assert measured == expected


def head_of(module):
    return torch.optim.SGD(module[2].parameters(), lr=0.1)


@pytest.mark.parametrize("engine", ENGINES)
def test_gradients_of_what_the_optimizer_lacks_count_nowhere(engine):
    given = {"engine": engine, "epochs": 3, "clip_grad_norm": 0.05}
    module, frozen = network(), network()
    done = fit(module, optimizer=head_of(module), **given)
    frozen[0].requires_grad_(False)
    optimizer = torch.optim.SGD(frozen.parameters(), lr=0.1)
    expected = fit(frozen, optimizer=optimizer, **given)
    assert torch.equal(weights(module), weights(frozen))
    assert norms(done) == norms(expected)


class StopAfter(TrainingObserver):
    """Presses Ctrl-C after the first epoch."""

    def on_epoch_end(self, _):
        raise Interrupted("stop")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_resumed_fit_of_a_part_ends_with_the_same_weights(tmp_path, engine):
    whole, cut, resumed = network(), network(), network()
    given = {"engine": engine, "epochs": 3, "clip_grad_norm": 0.05, "runs": tmp_path}
    fit(whole, optimizer=head_of(whole), name="whole", **given)
    with suppress(Interrupted):
        fit(cut, optimizer=head_of(cut), observer=StopAfter(), name="cut", **given)
    [path] = tmp_path.glob("*-cut")
    fit(resumed, optimizer=head_of(resumed), resume=path, **given)
    assert torch.equal(weights(whole), weights(resumed))


def test_a_norm_that_overflows_is_only_measured():
    module = nn.Linear(2, 1, bias=False)
    inputs = torch.full((8, 2), 1e30)
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-32)
    done = ts.fit(
        module,
        (inputs, torch.zeros(8, 1)),
        loss="L1Loss",
        optimizer=optimizer,
        epochs=1,
        runs=None,
    )
    assert norms(done) == [float("inf")]
    assert weights(module).isfinite().all()


class Codes(nn.Module):
    """Embeds codes, with sparse gradients or dense ones."""

    def __init__(self, *, sparse=True):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(10, 4, sparse=sparse)
        self.last = nn.Linear(20, 2)

    def forward(self, codes):
        return self.last(self.table(codes).flatten(1))


CODES = torch.randint(0, 10, (50, 5), generator=torch.Generator().manual_seed(0))


def fit_codes(module, optimizer=None, **given):
    optimizer = optimizer or torch.optim.SGD(module.parameters(), lr=0.1)
    data = TensorDataset(CODES, TARGETS)
    given = {"loss": "CrossEntropyLoss", "epochs": 2, "batch_size": 10} | given
    return ts.fit(module, data, optimizer=optimizer, **{"runs": None} | given)


@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_sparse_gradients_are_measured_and_clipped_as_dense_ones(tmp_path, clip):
    sparse, dense = Codes(), Codes(sparse=False)
    given = {"clip_grad_norm": clip, "runs": tmp_path}
    measured = norms(fit_codes(sparse, **given))
    assert measured == pytest.approx(norms(fit_codes(dense, **given)))
    torch.testing.assert_close(weights(sparse), weights(dense))


@pytest.mark.parametrize(
    ("optimizer", "given", "words"),
    [
        (lambda _: "Adam", {}, "table.weight is sparse, and this Adam cannot"),
        (lambda _: "SGD", {}, "give torch.optim.SGD.module.parameters"),
        (lambda m: torch.optim.SparseAdam(m.parameters()), {}, "this SparseAdam"),
        (lambda m: torch.optim.SGD(m.parameters(), momentum=0.9), {}, "this SGD"),
        (lambda _: None, {"clip_grad_value": 0.1}, "cut the sparse gradient of table"),
    ],
)
def test_sparse_gradients_that_cannot_be_taken_are_told(
    tmp_path, optimizer, given, words
):
    module = Codes()
    with pytest.raises(PlanError, match=words):
        fit_codes(module, optimizer(module), runs=tmp_path, **given)
    assert list(tmp_path.iterdir()) == []


def test_an_optimizer_for_sparse_gradients_alone_trains_a_table():
    module = Codes()
    optimizer = torch.optim.SparseAdam(module.table.parameters())
    before = module.table.weight.detach().clone()
    fit_codes(module, optimizer)
    assert not torch.equal(module.table.weight, before)


class Waves(nn.Module):
    """Has complex weights."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.weight = nn.Parameter(torch.randn(4, 2, dtype=torch.complex64))

    def forward(self, inputs):
        return (inputs.to(torch.complex64) @ self.weight).abs()


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_complex_weights_are_trained_and_kept(tmp_path, optimizer):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = fit(Waves(), optimizer=optimizer, clip_grad_norm=0.5, runs=tmp_path)
    first, last = done.history
    assert last.train_loss < first.train_loss
    with pytest.raises(PlanError, match="cannot cut the complex gradient of weight"):
        fit(Waves(), clip_grad_value=0.5)


class Noted(nn.Linear):
    """Keeps something that is no tensor with its weights."""

    def get_extra_state(self):
        return {"calls": 3}


def test_what_a_checkpoint_cannot_hold_is_told_before_training(tmp_path):
    with pytest.raises(PlanError, match=r"state_dict has a dict at '0\._extra_state'"):
        fit(nn.Sequential(Noted(4, 2)), runs=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_optimizer_that_computes_the_loss_itself_is_refused():
    module = network()
    with pytest.raises(PlanError, match="LBFGS cannot be stepped without arguments"):
        fit(module, optimizer=torch.optim.LBFGS(module.parameters()))


def test_a_layer_that_was_replaced_after_the_optimizer_was_made_is_named():
    module = network()
    optimizer = torch.optim.Adam(module.parameters())
    module[2] = nn.Linear(8, 3)
    with pytest.raises(PlanError, match=r"lacks 2\.weight, 2\.bias\. .*after that"):
        fit(module, optimizer=optimizer)


class Counting(nn.Module):
    """Notes how many threads each batch is computed with."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.counts = layer, []

    def forward(self, inputs):
        self.counts.append(torch.get_num_threads())
        found = self.layer(inputs)
        return found[0] if isinstance(found, tuple) else found


@pytest.mark.parametrize(
    ("layer", "size", "settings", "threads"),
    [
        (nn.Linear(4, 1), 4, {}, 1),
        (nn.Linear(4, 1), 4, {"threads": 2}, 2),
        (nn.Sequential(nn.Linear(2_000, 2_000), nn.Linear(2_000, 1)), 2_000, {}, 2),
        (nn.LSTM(4, 1), 4, {}, 2),
    ],
    ids=["small", "named", "large", "recurrent"],
)
def test_a_module_of_little_work_is_trained_on_one_thread(
    layer, size, settings, threads
):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        module = Counting(layer)
        data = torch.ones(64, size), torch.ones(64, 1)
        ts.fit(
            module, data, loss="MSELoss", epochs=1, batch_size=64, runs=None, **settings
        )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert module.counts[-1] == threads


class Force(nn.Module):
    """Returns minus the gradient of an energy, as networks of physics do."""

    def __init__(self):
        super().__init__()
        self.energy = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, places):
        with torch.enable_grad():
            places = places.detach().requires_grad_()
            energy = self.energy(places).sum()
            return -torch.autograd.grad(energy, places, create_graph=True)[0]


def test_a_module_that_differentiates_inside_is_trained():
    places = torch.randn(64, 3, generator=torch.Generator().manual_seed(1))
    data = places, -2 * places
    done = ts.fit(Force(), data, loss="MSELoss", epochs=2, batch_size=32, runs=None)
    assert done.history[1].train_loss < done.history[0].train_loss


# torch.compile warns so on Python 3.13.0 alone, whatever it compiles.
@pytest.mark.filterwarnings("ignore:Guards may run slower:RuntimeWarning")
def test_weights_of_a_compiled_module_are_saved_by_their_plain_names(tmp_path):
    def network():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))

    inputs = torch.randn(20, 4)
    compiled = torch.compile(network(), backend="eager")
    done = ts.fit(
        compiled,
        (inputs, (inputs.sum(dim=1) > 0).long()),
        loss="CrossEntropyLoss",
        epochs=1,
        runs=tmp_path,
        doctor=False,
    )
    plain = network()
    plain.load_state_dict(load_file(done.path / "model" / "network.safetensors"))
    assert torch.equal(plain(inputs), done.module(inputs))
    with pytest.raises(ts.DataError, match=r"load_state_dict.*network\.safetensors"):
        ts.load_run(done.path).predict(inputs)


class Stepped(nn.Module):
    """A network that counts its steps, where its weights show it and where not."""

    def __init__(self):
        super().__init__()
        self.layers = network()
        self.register_buffer("shown", torch.zeros(()))
        self.register_buffer("hidden", torch.zeros(()), persistent=False)

    def forward(self, inputs):
        if self.training:
            self.shown += 1
            self.hidden += 1
        return self.layers(inputs)


@pytest.mark.parametrize("averaging", [None, "EMA"])
@pytest.mark.parametrize(("restore", "steps"), [(True, 5), (False, 20)])
def test_hidden_buffers_are_those_of_the_weights_beside_them(averaging, restore, steps):
    done = fit(
        Stepped(),
        val=(INPUTS, 1 - TARGETS),  # what is learned is wrong there
        epochs=4,
        averaging=averaging and {averaging: {"decay": 0.0}},
        stopping={"restore_best": restore, "patience": 0},
    )
    assert done.best_epoch == 1
    assert (done.module.shown, done.module.hidden) == (steps, steps)


def test_hidden_buffers_of_the_best_epoch_are_in_a_checkpoint(tmp_path):
    given = {
        "val": (INPUTS, 1 - TARGETS),
        "epochs": 4,
        "runs": tmp_path,
        "name": "counted",
    }

    class Stopping(TrainingObserver):
        def on_epoch_end(self, record):
            if record.epoch == 3:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted) as told:
        fit(Stepped(), observer=Stopping(), **given)
    [found] = re.findall(r"resume='(.*)'", str(told.value))
    done = fit(Stepped(), resume=found, **given)
    assert len(done.history) == 4
    assert (done.module.shown, done.module.hidden) == (5, 5)
