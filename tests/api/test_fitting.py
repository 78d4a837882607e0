"""A person's own module and data through the same loop."""

import threading
from contextlib import suppress

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import torchsmith as ts
from torchsmith.core.errors import DataError, Interrupted, PlanError, TrainError
from torchsmith.plan.optimizers import SGD
from torchsmith.plan.plan import Stopping, Training
from torchsmith.plan.schedules import StepLR
from torchsmith.train.batches import TensorBatches
from torchsmith.train.loop import Job
from torchsmith.train.rehearsal import rehearse
from torchsmith.train.watch import TrainingObserver


def examples(num=64):
    inputs = torch.linspace(-1, 1, num * 2).reshape(num, 2)[torch.arange(num) * 7 % num]
    return inputs, (inputs[:, 0] > 0).long()


INPUTS, *TARGETS = examples()


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 2))


class Pairs(Dataset):
    """A data set as people write them: arrays and plain numbers."""

    def __init__(self, inputs, targets):
        self.inputs, self.targets = inputs, targets

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        return self.inputs[index].numpy(), int(self.targets[index])


GROUPS = {"SGD": {"groups": [{"params": "*", "betas": (0.9, 0.9)}]}}
NO_MATCH = {"SGD": {"groups": [{"params": "bias", "lr": 0.1}]}}
NONE = {"MSELoss": {"reduction": "none"}}
BALANCED = {"CrossEntropyLoss": {"weight": "balanced"}}
with torch.inference_mode():
    INFERRED = nn.Linear(2, 2)
CYCLE = {"OneCycleLR": {"cycle_momentum": True}}


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def fit(module=None, data=None, val=None, **given):
    given = {"loss": "CrossEntropyLoss", "epochs": 2, "runs": None, **given}
    module = network() if module is None else module
    data = examples() if data is None else data
    return ts.fit(module, data, val, **given)


class Counting(nn.Linear):
    """Notes how many threads compute it."""

    def forward(self, inputs):
        self.threads = torch.get_num_threads()
        return super().forward(inputs)


def test_a_fit_has_its_number_of_threads_and_gives_the_programs_back():
    before = torch.get_num_threads()
    module = Counting(2, 2)
    fit(module, threads=before + 1)
    assert module.threads == before + 1
    assert torch.get_num_threads() == before


class Counted(torch.optim.SGD):
    """Counts its steps."""

    steps = 0

    def step(self, closure=None):
        self.steps += 1
        return super().step(closure)


@pytest.mark.parametrize("engine", ["eager", "captured"])
def test_an_optimizer_with_a_step_of_its_own_takes_each_step(engine):
    module = nn.Linear(2, 2)
    optimizer = Counted(module.parameters(), lr=0.1, fused=True)
    fit(module, optimizer=optimizer, batch_size=16, engine=engine)
    assert optimizer.steps == 8


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_fit_ends_when_its_seconds_are_over(tmp_path, in_memory):
    runs = None if in_memory else tmp_path
    done = fit(epochs=100_000, seconds=0.01, runs=runs)
    assert done.stopped.startswith("stopped by training.seconds: 0.01 in epoch")
    assert done.ending == "seconds"


def test_a_module_of_ones_own_is_trained_in_place_and_learns():
    module = network()
    done = fit(
        module,
        val=examples(),
        loss=nn.CrossEntropyLoss(),
        optimizer={"Adam": {"lr": 0.03}},
        epochs=15,
    )
    assert done.module is module
    assert not module.training
    assert done.path is None
    assert len(done.history) == 15
    assert done.history[-1].val_loss < done.history[0].val_loss / 2
    assert done.history[-1].metrics["accuracy"] > 0.9


def test_a_dataset_and_tensors_train_the_same_weights():
    inputs, targets = examples()
    each = (Pairs(inputs, targets), TensorDataset(inputs, targets), (inputs, targets))
    found = [weights(fit(data=data).module) for data in each]
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_the_name_of_a_loss_its_object_and_a_function_are_the_same():
    losses = ("CrossEntropyLoss", nn.CrossEntropyLoss(), nn.functional.cross_entropy)
    found = [weights(fit(loss=loss).module) for loss in losses]
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    smooth = fit(loss={"CrossEntropyLoss": {"label_smoothing": 0.2}})
    assert not torch.equal(found[0], weights(smooth.module))


def test_an_optimizer_may_be_an_object_a_mapping_or_a_spec():
    module = network()
    found = [
        fit(module, optimizer=torch.optim.SGD(module.parameters(), lr=0.1)),
        fit(optimizer={"SGD": {"lr": 0.1}}),
        fit(optimizer=SGD(lr=0.1)),
    ]
    assert torch.allclose(weights(found[0].module), weights(found[1].module))
    assert torch.equal(weights(found[1].module), weights(found[2].module))
    assert found[0].history[0].lr == 0.1


def test_a_schedule_is_stepped_once_an_epoch():
    module = network()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.4)
    halved = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    done = fit(module, optimizer=optimizer, schedule=halved, epochs=3)
    assert [record.lr for record in done.history] == [0.4, 0.2, 0.1]
    spec = StepLR(step_size=1, gamma=0.5)
    done = fit(optimizer={"SGD": {"lr": 0.4}}, schedule=spec, epochs=3)
    assert [record.lr for record in done.history] == [0.4, 0.2, 0.1]


def test_metrics_of_ones_own_are_recorded_and_can_be_monitored():
    done = fit(
        val=examples(),
        metrics={"worst": lambda outputs, _: float(outputs.abs().max())},
        stopping=Stopping(monitor="val_worst", patience=1),
        epochs=5,
    )
    assert done.history[0].metrics["worst"] > 0


def test_a_monitor_that_is_not_measured_is_refused_before_training(tmp_path):
    module = network()
    for val, monitor in ((examples(), "val_nothing"), (None, "val_accuracy")):
        with pytest.raises(PlanError, match=f"there is no '{monitor}'; there are: "):
            fit(module, val=val, stopping=Stopping(monitor=monitor), runs=tmp_path)
    assert [*tmp_path.iterdir()] == []
    assert torch.equal(module[0].weight, network()[0].weight)


def test_settings_are_fields_of_training_and_win_over_it():
    done = fit(training=Training(epochs=7, batch_size=16), epochs=1)
    assert len(done.history) == 1
    assert done.history[0].step == 4


def test_training_and_stopping_may_be_mappings_as_in_a_plan():
    done = fit(training={"epochs": 7, "batch_size": 16}, epochs=2)
    assert done.history[-1].step == 8
    stopping = {"monitor": "val_accuracy", "patience": 1}
    done = fit(val=examples(), stopping=stopping, epochs=50)
    assert "val_accuracy has not improved for 1 epoch (" in done.stopped


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"training": {"epoch": 3}},
            r"^fit: training.epoch: unknown key; did you mean 'epochs'\? it takes ep",
        ),
        (
            {"stopping": {"min_epochs": 3}},
            "^fit: stopping.min_epochs: unknown key; it takes monitor, patience, min_d",
        ),
        (
            {"stopping": {"patience": -1}},
            "^fit: stopping.patience: must be at least 0, got -1$",
        ),
        ({"training": 3}, "^fit: training: must be keys with values, got 3; it takes"),
        ({"stopping": "early"}, "^fit: stopping: must be keys with values, got 'early"),
    ],
)
def test_a_mapping_with_what_a_section_does_not_take_is_refused(given, words):
    with pytest.raises(PlanError, match=words):
        fit(**given)


class StopAfter(TrainingObserver):
    """Presses Ctrl-C after an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, record):
        if record.epoch == self.epoch:
            raise Interrupted("stop")


def test_a_resumed_fit_ends_with_the_same_weights(tmp_path):
    given = {"val": examples(), "epochs": 6, "runs": tmp_path, "optimizer": "Adam"}
    whole = fit(name="whole", **given)
    assert (whole.path / "model" / "network.safetensors").is_file()
    with suppress(Interrupted):
        fit(name="cut", observer=StopAfter(3), **given)
    [cut] = tmp_path.glob("*-cut")
    assert not (cut / "model").exists()
    resumed = fit(resume=cut, **given)
    assert resumed.path == cut
    assert len(resumed.history) == 6
    assert torch.equal(weights(whole.module), weights(resumed.module))
    with pytest.raises(PlanError, match="begun with epochs=6, not 7; resume"):
        fit(resume=cut, **(given | {"epochs": 7}))


def test_a_run_of_ones_own_module_is_no_run_of_a_plan(tmp_path):
    done = fit(runs=tmp_path)
    with pytest.raises(DataError, match="holds your own module, trained by"):
        ts.load_run(done.path)
    assert ts.api.runs(tmp_path) == []


PARTS = {"schedulers": [{"LinearLR": {"iters": 1}}, "CosineAnnealingLR"]}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"loss": "CrossEntropy"}, "write 'CrossEntropyLoss', or give an object"),
        ({"loss": "mse"}, "unknown loss 'mse'; write 'MSELoss'"),
        ({"optimizer": "adam"}, "unknown optimizer 'adam'; write 'Adam'"),
        (
            {"optimizer": {"Adam": {"learning_rate": 1}}},
            "Adam.learning_rate: unknown key; write 'lr'; it takes lr, betas",
        ),
        ({"accumulate": 0}, "fit: accumulate: must be at least 1, got 0"),
        ({"averaging": {"EMA": {"decay": 2}}}, "must be less than 1, got 2"),
        ({"loss": nn.CrossEntropyLoss}, "not its class"),
        ({"loss": None}, "unknown loss None"),
        ({"optimizer": "Adma"}, "did you mean 'Adam'"),
        ({"optimizer": torch.optim.SGD}, "not its class"),
        ({"optimizer": 3}, "unknown optimizer 3"),
        ({"optimizer": {"SGD": {"lr": -1}}}, "must be more than 0, got -1"),
        ({"optimizer": GROUPS}, "groups.0.betas: SGD has no argument 'betas' for a"),
        ({"optimizer": NO_MATCH}, r"'bias' matches no parameter; there are: "),
        ({"loss": NONE}, "reduction: must be mean or sum; none gives one loss for eac"),
        ({"loss": BALANCED}, "weight: balanced needs the classes of a plan"),
        ({"optimizer": "SGD", "schedule": CYCLE}, "SGD has no momentum here"),
        ({"schedule": "Cosine"}, "CosineAnnealingLR"),
        ({"schedule": "StepLR"}, "schedule StepLR.step_size: is missing$"),
        (
            {"schedule": {"StepLR": {"step": 2}}},
            r"StepLR.step: unknown key; did you mean 'step_size'\? it takes step_size",
        ),
        (
            {"schedule": {"SequentialLR": PARTS}},
            "schedulers.0.LinearLR.iters: unknown key; .*it takes start_factor",
        ),
        ({"optimizer": ["SGD", "Adam"]}, "takes one optimizer, and there are 2; give"),
        ({"epoch": 3}, "did you mean 'epochs'?"),
        ({"epochs": 0}, "epochs: .* got 0"),
        ({"module": nn.ReLU()}, "a ReLU has no parameters to train"),
        ({"module": "network"}, "a str has no parameters to train"),
        ({"module": nn.Linear}, r"give an object, Linear\(…\), not the class Linear"),
        ({"module": nn.Linear(2, 2, device="meta")}, "weight is on the device 'meta'"),
        ({"module": INFERRED}, "weight was made under torch.inference_mode"),
        (
            {"averaging": torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2))},
            "unknown averaging AveragedModel; write 'EMA', or give one of: EMA, SWA$",
        ),
    ],
)
def test_a_choice_that_does_not_exist_is_refused(tmp_path, given, words):
    with pytest.raises(PlanError, match=words):
        fit(**{"runs": tmp_path, **given})
    assert list(tmp_path.iterdir()) == []


def test_parts_of_another_module_are_refused():
    other = torch.optim.SGD(network().parameters(), lr=0.1)
    with pytest.raises(PlanError, match="none of the module's parameters"):
        fit(optimizer=other)
    schedule = torch.optim.lr_scheduler.StepLR(other, 1)
    with pytest.raises(PlanError, match="schedule belongs to another optimizer"):
        fit(schedule=schedule)


class NoRate(torch.optim.Optimizer):
    def __init__(self, parameters):
        super().__init__(parameters, {"size": 1.0})

    def step(self, closure=None):
        return closure


def test_an_optimizer_without_a_rate_is_refused():
    module = network()
    with pytest.raises(PlanError, match="NoRate has a group of parameters without"):
        fit(module=module, optimizer=NoRate(module.parameters()))


class ByScore(torch.optim.lr_scheduler.LRScheduler):
    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self, metrics):
        return metrics


def test_a_schedule_that_is_told_a_score_is_refused():
    module = network()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    words = r"ByScore cannot be stepped without arguments \(missing a required argument"
    with pytest.raises(PlanError, match=words):
        fit(module=module, optimizer=optimizer, schedule=ByScore(optimizer))


def test_examples_that_are_no_pairs_are_refused():
    inputs, targets = examples()
    with pytest.raises(DataError, match="64 inputs and 3 targets"):
        fit(data=(inputs, targets[:3]))
    with pytest.raises(DataError, match=r"not \(ndarray, ndarray\)"):
        fit(data=(inputs.numpy(), targets.numpy()))
    with pytest.raises(DataError, match=r"not \(Tensor, Tensor, Tensor\)"):
        fit(data=(inputs, targets, targets))
    with pytest.raises(DataError, match="not a pair"):
        fit(data=list(inputs))
    with pytest.raises(DataError, match="is empty"):
        fit(data=Pairs(inputs[:0], targets[:0]))


def test_losses_between_numbers_take_class_indices():
    for loss in ("MSELoss", "BCEWithLogitsLoss", {"MSELoss": {"reduction": "sum"}}):
        done = fit(loss=loss, optimizer={"Adam": {"lr": 0.03}}, epochs=5)
        assert done.history[-1].train_loss < done.history[0].train_loss


def test_probabilities_where_raw_outputs_are_wanted_are_refused():
    squashed = nn.Sequential(network(), nn.Softmax(dim=1))
    with pytest.raises(TrainError, match="these are probabilities"):
        fit(squashed)
    with pytest.raises(TrainError, match="takes raw outputs, and the network ends in"):
        fit(squashed, loss="BCEWithLogitsLoss")
    with pytest.raises(TrainError, match="NLLLoss takes log-probabilities"):
        fit(squashed, loss=nn.NLLLoss())
    assert len(fit(squashed, loss="BCELoss").history) == 2


def test_outputs_that_leave_0_to_1_are_refused_when_they_do():
    inputs = torch.linspace(0, 0.9, 64).unsqueeze(1)
    module = nn.Linear(1, 1, bias=False)
    nn.init.ones_(module.weight)
    with pytest.raises(TrainError, match="BCELoss takes probabilities from 0"):
        fit(
            module,
            (inputs, torch.ones(64, 1)),
            loss=nn.BCELoss(),
            optimizer={"SGD": {"lr": 9.0}},
        )


def test_a_loss_over_all_pairs_of_rows_is_refused():
    inputs, _ = examples()
    with pytest.raises(TrainError, match="compare every output with every target"):
        fit(nn.Linear(2, 1), (inputs, inputs[:, 0]), loss="MSELoss")


def test_averaged_weights_are_those_that_the_module_ends_with():
    inputs, targets = examples()
    found = {}
    for averaging in (None, "EMA", {"EMA": {"decay": 0.5}}, {"SWA": {"start": 0.5}}):
        module = nn.Linear(2, 2)
        nn.init.zeros_(module.weight)
        done = fit(module, val=examples(), averaging=averaging, optimizer="SGD")
        loss = nn.functional.cross_entropy(module(inputs), targets).item()
        assert done.history[-1].val_loss == pytest.approx(loss, rel=1e-5)
        found[str(averaging)] = weights(module)
    assert len({tuple(each.tolist()) for each in found.values()}) == 4


def test_an_input_of_several_parts_goes_with_weights_averaged_by_epochs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.last = nn.BatchNorm1d(2), nn.Linear(4, 2)

        def forward(self, parts):
            first, second = parts
            return self.last(torch.cat([self.norm(first), second], dim=1))

    inputs, targets = examples()
    pairs = [((x, 2 * x), y) for x, y in zip(inputs, targets, strict=True)]
    module = Two()
    fit(module, pairs, averaging={"SWA": {"start": 0.5}}, epochs=4)
    torch.testing.assert_close(module.norm.running_mean, inputs.mean(dim=0))


def test_the_loss_of_targets_in_several_parts_is_a_mean_over_examples():
    class Parts(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.zeros(1))

        def forward(self, inputs):
            return inputs + self.shift

    def both(outputs, targets):
        return ((outputs - targets["a"]) ** 2 + targets["b"]).mean()

    rows = [
        (torch.zeros(1), {"a": torch.tensor([float(i)]), "b": 0.0}) for i in range(5)
    ]
    losses = [
        fit(
            Parts(),
            rows,
            loss=both,
            optimizer={"SGD": {"lr": 1e-9}},
            epochs=1,
            batch_size=size,
        )
        .history[0]
        .train_loss
        for size in (5, 3)
    ]
    assert losses == pytest.approx([6.0, 6.0])


def test_a_schedule_may_be_stepped_after_each_step():
    schedule = {"ExponentialLR": {"gamma": 0.5, "interval": "step"}}
    done = fit(optimizer="SGD", schedule=schedule, batch_size=32, accumulate=2)
    assert [record.lr for record in done.history] == [1e-3, 5e-4]


def test_an_unknown_average_is_named():
    with pytest.raises(PlanError, match=r"unknown averaging 'EWMA'; did you mean 'EM"):
        fit(averaging="EWMA")


class Widths(nn.Module):
    """A module with running statistics and dropout."""

    def __init__(self, width=3):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2)
        )

    def forward(self, inputs):
        return self.layers(inputs)


@pytest.mark.parametrize(
    ("module", "targets", "message"),
    [
        (
            Widths(5),
            torch.arange(8) % 2,
            r"Widths cannot take the first batch \(inputs \(8, 3\) of float32\): mat1",
        ),
        (
            Widths(),
            torch.arange(8) % 5,
            r"the loss cannot .* \(outputs \(8, 2\) .* targets \(8,\) of int64\): T",
        ),
        (
            Widths(),
            torch.rand(8),
            r"the loss cannot take .* targets \(8,\) of float32",
        ),
        (
            nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=1)),
            torch.arange(8) % 2,
            "CrossEntropyLoss takes raw outputs, and these are probabilities",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_there_is_a_run(
    module, targets, message, tmp_path
):
    with pytest.raises(ts.TrainError, match=message):
        ts.fit(
            module, (torch.rand(8, 3), targets), loss="CrossEntropyLoss", runs=tmp_path
        )
    assert not list(tmp_path.iterdir())


def test_trying_the_first_batch_leaves_no_trace():
    module = Widths().eval()
    before = {name: t.clone() for name, t in module.state_dict().items()}
    job = Job(
        train=TensorBatches(torch.rand(8, 3), torch.arange(8) % 2),
        val=None,
        loss=nn.CrossEntropyLoss(),
        training=Training(),
        stopping=Stopping(),
        device=torch.device("cpu"),
    )
    random = torch.get_rng_state()
    rehearse(job, module)
    assert torch.equal(torch.get_rng_state(), random)
    assert not module.training
    assert not module.layers[1].training
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(parameter.grad is None for parameter in module.parameters())


def test_a_dataset_is_not_for_the_compiled_engine_and_the_message_says_why():
    examples = TensorDataset(torch.randn(8, 3), torch.arange(8) % 2)
    with pytest.raises(PlanError, match="its examples are read in batches, not all in"):
        ts.fit(nn.Linear(3, 2), examples, loss="CrossEntropyLoss", engine="compiled")


class Sum(nn.Module):
    """Takes two inputs, each an argument of its own."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, left, right):
        return self.linear(left + right)


def twins():
    return [((x, x), y) for x, y in zip(*examples(), strict=True)]


def with_items(**others):
    """Return examples as a list, some of them replaced: `_3=…` is the item 3."""
    items = [(x, int(y)) for x, y in zip(*examples(), strict=True)]
    for place, item in others.items():
        items[int(place[1:])] = item
    return items


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (
            with_items(_7=(INPUTS[7], "a")),
            r"^list: item 7 \(train part\) does not make one batch with the others: "
            r"\(float32 \[2\], str\), where those are \(float32 \[2\], int\) \(new",
        ),
        (with_items(_7=INPUTS[7]), r"item 7 .* others: float32 \[2\], where those are"),
        (
            with_items(_7=(INPUTS[7], 0, 1)),
            r"item 7 .*: \(float32 \[2\], int, int\), wh",
        ),
        (with_items(_7=({"a": 1}, 0)), r"item 7 .* others: \({a: int}, int\), where"),
        (
            with_items(_7=([0.0] * 5, 0)),
            r"item 7 .* others: \(5 of float, int\), where",
        ),
        (
            with_items(
                _7=(INPUTS[7, :1], 0), _9=(INPUTS[9, :1], 0), _3=(INPUTS[3], 1.0)
            ),
            r"the items (7, 9|9, 7) \(train part\) do not make one batch with the "
            r"others: \(float32 \[1\], int\), where",
        ),
        (
            [(torch.ones(place + 1), 0) for place in range(64)],
            r"^list: the items (\d+, ){5}… \(train part\) do not make one batch \(st",
        ),
    ],
)
def test_the_item_that_makes_no_batch_with_the_others_is_named(items, words):
    with pytest.raises(DataError, match=words):
        fit(data=items)


class Named(nn.Linear):
    """Takes one part of its input, by name."""

    def __init__(self, name):
        super().__init__(2, 2)
        self.name = name

    def forward(self, inputs):
        return super().forward(inputs[self.name])


class Takes(nn.Linear):
    """Takes the parts of its input one by one, as a batch does not give them."""

    def __init__(self):
        super().__init__(2, 2)

    def forward(self, row, xy):
        return super().forward(row + xy)


NAMED = [({"row": x, "xy": x}, y) for x, y in zip(*examples(), strict=True)]


@pytest.mark.parametrize("runs", [True, False])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"module": nn.Linear(5, 2)}, "Linear cannot take the first batch .*64, 2"),
        (
            {"loss": lambda out, _: float(out.detach().sum())},
            "float, but must be a ten",
        ),
        ({"loss": lambda out, _: (out.sum(), 1)}, "is a tuple, .*; return that alone"),
        ({"data": (torch.full((64, 2), torch.nan), examples()[1])}, "its inputs hold"),
        (
            {"module": Named("rows"), "data": NAMED},
            r"Named cannot take the first batch \(inputs dict of 'row', 'xy'\): "
            "KeyError 'rows'$",
        ),
        ({"module": Takes(), "data": NAMED}, "one argument, a dict of their batches"),
        (
            {
                "module": Sum(),
                "data": [((x, x), y) for x, y in zip(*examples(), strict=True)],
            },
            "take it apart in forward",
        ),
    ],
)
def test_what_the_first_batch_shows_is_told_with_and_without_a_run_folder(
    given, words, runs, tmp_path
):
    with pytest.raises(TrainError, match=words):
        fit(**given, runs=tmp_path if runs else None)


def test_examples_of_three_parts_are_refused_with_what_to_do():
    inputs, targets = examples()
    with pytest.raises(DataError, match=r"a tuple of 3, not a pair .* several parts"):
        fit(data=TensorDataset(inputs, inputs, targets))


class Endless(IterableDataset):
    """Says how many there are, and gives them in its own order."""

    def __len__(self):
        return 64

    def __iter__(self):
        return zip(*examples(), strict=True)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (Endless(), "Endless has no len.. or no items by number; give a map-style"),
        ((INPUTS.to_sparse(), *TARGETS), "the inputs of train are a sparse tensor"),
        ((INPUTS, torch.tensor(1)), "the targets of train are one number; give a"),
    ],
)
def test_examples_that_cannot_be_taken_by_number_are_refused(data, words):
    with pytest.raises(DataError, match=words):
        fit(data=data)


def test_a_device_may_be_an_object_of_pytorch():
    cpu = torch.device("cpu")
    wanted = weights(fit(device="cpu").module)
    assert torch.equal(weights(fit(device=cpu).module), wanted)
    assert torch.equal(weights(fit(training={"device": cpu}).module), wanted)


def test_true_resumes_the_last_fit(tmp_path):
    done = fit(runs=tmp_path)
    module = network()
    assert fit(module, runs=tmp_path, resume=True).path == done.path
    assert torch.equal(weights(module), weights(done.module))


def test_metrics_without_a_validation_part_are_refused():
    with pytest.raises(PlanError, match="give val, or leave metrics out"):
        fit(metrics=["accuracy"])


@pytest.mark.parametrize("runs", [True, False])
def test_print_shows_how_it_goes(runs, tmp_path, capsys):
    fit(observer=print, doctor={"examine": False}, runs=tmp_path if runs else None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Training 42 parameters on 64 examples, at most 2 ep")
    assert [line[:9] for line in lines[1:3]] == ["epoch 1/2", "epoch 2/2"]
    assert lines[3:] == ["All 2 epochs done"]


def test_an_observer_that_is_none_is_refused():
    with pytest.raises(PlanError, match="observer: True cannot be told anything"):
        fit(observer=True)


class Two(nn.Module):
    """Gives two outputs, under names."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(2, 2)

    def forward(self, inputs):
        outputs = self.linear(inputs)
        return {"logits": outputs, "size": (outputs**2).mean()}


def test_outputs_by_name_are_validated_by_ones_own_loss_and_metric():
    inputs, targets = examples()
    pairs = [
        (x, {"kind": y, "weight": 1.0}) for x, y in zip(inputs, targets, strict=True)
    ]

    def loss(outputs, targets):
        logits = outputs["logits"]
        return nn.functional.cross_entropy(logits, targets["kind"]) + outputs["size"]

    def right(outputs, targets):
        return (outputs["logits"].argmax(1) == targets["kind"]).float().mean()

    done = fit(Two(), pairs, pairs, loss=loss, metrics=[right], epochs=1)
    (record,) = done.history
    with torch.no_grad():
        outputs = done.module(inputs)
        expected = loss(outputs, {"kind": targets})
    assert record.val_loss == pytest.approx(expected.item(), rel=1e-5)
    assert record.metrics["right"] == right(outputs, {"kind": targets})


@pytest.mark.parametrize("runs", [True, False])
def test_a_validation_part_that_the_loss_cannot_take_is_told_before_training(
    runs, tmp_path
):
    inputs, targets = examples()
    with pytest.raises(TrainError, match="the loss cannot take the first batch of val"):
        fit(val=(inputs, targets.float()), runs=tmp_path if runs else None)


class Frame(dict):
    """A data frame as far as `fit` looks."""

    columns = ("a", "y")


class Named(Pairs):
    """A data set of examples that also says what its columns are called."""

    columns = ("a", "b")


def test_a_dataset_may_have_columns():
    assert len(fit(data=Named(*examples())).history) == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"data": Frame(a=INPUTS[:, 0], y=TARGETS[0])},
            r"^a Frame holds columns, not examples by number; give a pair of tensors, ",
        ),
        ({"data": {0: INPUTS[:, 0], 1: TARGETS[0]}}, "^a dict holds columns, not exam"),
        ({"data": DataLoader(TensorDataset(*examples()))}, "give its .dataset"),
        (
            {"val": TensorDataset(*(part[:0] for part in examples()))},
            "the val part, a TensorDataset, is empty",
        ),
        (
            {"data": (examples()[0], examples()[1] + 1)},
            "2 outputs are for the classes 0 to 1",
        ),
        (
            {"data": TensorDataset(INPUTS.double(), *TARGETS)},
            r"convert the inputs with .to\(torch.float32\)",
        ),
        (
            {
                "val": (
                    examples()[0].index_fill(0, torch.tensor(7), torch.nan),
                    *TARGETS,
                )
            },
            "the first batch of val is not finite.*first seen: example 7",
        ),
        (
            {
                "module": nn.Linear(2, 1),
                "loss": "MSELoss",
                "optimizer": {"SGD": {"lr": 1e30}},
                "epochs": 3,
                "data": (1e6 * INPUTS, INPUTS[:, :1]),
            },
            "clip_grad_norm=1 in fit",
        ),
    ],
)
def test_what_a_caller_gave_wrong_is_told_in_the_callers_words(given, words):
    with pytest.raises((DataError, TrainError), match=words):
        fit(**given)


class Meeting(TrainingObserver):
    """Keeps a fit in its first epoch until another thread has begun its own."""

    def __init__(self, other):
        self.other = other

    def on_start(self, *_):
        self.other.start()
        assert self.other.waits.wait(60)


class Beside(threading.Thread):
    """Fits in another thread; notes when it waits for its turn."""

    def __init__(self, module):
        super().__init__()
        self.module, self.notes, self.waits = module, [], threading.Event()

    def run(self):
        fit(self.module, observer=self.tell)

    def tell(self, line):
        self.notes.append(line)
        self.waits.set()


def test_fits_in_two_threads_take_turns_and_leave_random_numbers_alone():
    ours, theirs, alone = network(), network(), network()
    fit(alone)
    before = torch.get_rng_state()
    other = Beside(theirs)
    fit(ours, observer=Meeting(other))
    other.join()
    assert "waits for its turn" in other.notes[0]
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(weights(ours), weights(alone))
    assert torch.equal(weights(theirs), weights(alone))


@pytest.mark.parametrize("engine", ["eager", "captured"])
@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_a_caller_that_records_no_gradients_trains_as_others_do(off, engine):
    wanted = fit(engine=engine, averaging="EMA")
    module = network()
    with off():
        found = fit(module, engine=engine, averaging="EMA")
        assert not torch.is_grad_enabled()
    assert torch.equal(weights(module), weights(wanted.module))
    assert found.diagnosis.findings == wanted.diagnosis.findings
