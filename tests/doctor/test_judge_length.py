"""What makes training too short, or steps, as it is judged once training is over."""

import math
from dataclasses import replace

from tests.doctor.test_judge import SETTLED, around, course, epochs, found, result
from torchsmith.doctor.judge_length import is_steep
from torchsmith.doctor.signals import LayerSignals, Signals
from torchsmith.plan.losses import MSELoss
from torchsmith.plan.networks import ConvNet
from torchsmith.plan.plan import Stopping


def test_one_bad_epoch_after_a_good_one_ends_training_too_early():
    def told(patience, losses):
        history = epochs([1.4, 1.0, 0.7, 0.5], val_losses=losses)
        made = course(history, "patience", stopping=Stopping(patience=patience))
        return set(found(replace(made, num_epochs=20)))

    assert told(1, [1.4, 1.1, 0.8, 1.2]) == {"P3"}
    assert told(3, [1.4, 1.1, 0.8, 1.2]) == set()
    assert told(1, [1.4, 0.81, 0.8, 1.2]) == set()


def test_the_loss_that_chose_the_epoch_is_the_one_that_is_judged():
    def told(values):
        history = [
            record.model_copy(update={"metrics": {"calibrated_loss": value}})
            for record, value in zip(
                epochs([1.4, 1.0, 0.7, 0.5], val_losses=[1.4, 1.5, 1.6, 1.7]),
                values,
                strict=True,
            )
        ]
        stopping = Stopping(monitor="val_calibrated_loss", patience=1)
        made = course(tuple(history), "patience", stopping=stopping)
        return set(found(replace(made, num_epochs=20)))

    assert told([1.4, 1.1, 0.8, 1.2]) == {"P3"}
    assert told([1.4, 0.81, 0.8, 1.2]) == set()


def test_a_loss_that_still_fell_when_patience_was_over_did_not_stand_still():
    history = epochs([1.4, 1.0, 0.7, 0.5], val_losses=[1.4, 1.1, 1.2, 1.2])
    behind = result(0.7, 0.7, 0.7)
    for patience, code in ((3, "P3"), (12, "T6")):
        made = course(history, "patience", stopping=Stopping(patience=patience))
        assert code in found(replace(made, num_epochs=20), behind)


def test_a_slow_pace_is_to_blame_where_a_rival_is_better():
    def told(ratio, steps=100):
        layer = LayerSignals(
            name="0", type="Linear", weight_rms=1.0, update_rms=ratio, grad_rms=1.0
        )
        samples = [Signals(epoch=5, step=500, lr=0.001, loss=0.2, layers=(layer,))]
        history = tuple(
            one.model_copy(update={"step": one.epoch * steps}) for one in SETTLED
        )
        made = replace(course(history), signals=samples)
        return set(found(made, result(0.85, 0.88, 0.85)))

    assert told(1e-3) == {"P2"} | told(1e-2)
    assert "P2" not in told(1e-2)
    assert "P2" not in told(1e-3, steps=5)


def test_a_loss_that_rose_is_not_said_to_fall_still():
    rose = found(course(epochs([0.69, 1.4])), result(0.5, 0.5, 0.9))["P3"]
    assert rose.message.startswith("Training ended after 2 of 2 epochs before it could")
    assert rose.remedy == "Train longer."


def test_what_the_guard_ended_names_the_step_at_which_it_did():
    history = epochs([1.4])
    cut = (history[0].model_copy(update={"step": 47}),)
    short = found(course(cut, "seconds"), result(0.5, 0.5, 0.5))["P3"]
    assert short.message.startswith("Training ended in epoch 1 of 1, at step 47, while")
    assert "47 optimizer steps" in short.evidence
    assert "epoch" not in short.evidence
    assert short.where == "training.seconds"


def test_few_steps_are_told_where_a_rival_is_clearly_better():
    def told(steps):
        history = epochs([1.4, 0.8, 0.5], val_losses=[1.4, 0.6, 0.59])
        history = tuple(
            one.model_copy(update={"step": one.epoch * steps}) for one in history
        )
        return set(found(course(history), result(0.8, 0.9, 0.8)))

    assert "P3" in told(20)
    assert "P3" not in told(200)


def test_what_was_mostly_learned_needs_a_steeper_loss_to_be_too_short():
    def told(train):
        history = epochs(
            [1.4, 0.9, 0.6, 0.4, 0.31], val_losses=[1.4, 1, 0.8, 0.6, 0.52]
        )
        return set(found(course(history), result(0.95, train, 0.95)))

    assert told(0.96) == {"P3"}
    assert told(0.99) == set()


def test_few_channels_are_a_bottleneck_as_few_units_are():
    def told(channels):
        narrow = course(network=ConvNet(channels=channels))
        return found(narrow, result(0.8, 0.8, 0.8))

    assert told((3, 3))["P11"].changes == {"network.ConvNet.channels": [16, 16]}
    assert "P11" not in told((6, 12))


def test_a_loss_of_numbers_that_has_risen_for_good_is_learned_by_heart():
    def told(last, **stopping):
        losses = [1.0, 0.5, 0.4, 0.41, 0.42, 0.44, *last]
        train = [0.9 - 0.08 * n for n in range(10)]
        rmse = {p: {"rmse": around(0.65, 0.3)} for p in ("test", "val", "train")}
        numbers = result(task="regression", metric="rmse", scores=rmse, rivals=())
        history = tuple(
            one.model_copy(update={"metrics": {"rmse": one.val_loss**0.5}})
            for one in epochs(train, val_losses=losses)
        )
        kept = Stopping(**stopping)
        return set(found(course(history, loss=MSELoss(), stopping=kept), numbers))

    assert told([0.46, 0.45, 0.46, 0.45], restore_best=False) == {"T8"}
    assert told([0.41, 0.42, 0.41, 0.45], restore_best=False) == set()
    assert told([0.46, 0.45, 0.46, 0.45]) == set()


def test_an_epoch_without_a_number_is_no_best_one():
    for lost in (math.nan, math.inf):
        for losses in ([lost, 1.4, 1.1, 0.5], [1.4, lost, 1.1, 0.5]):
            history = epochs([1.4, 1.0, 0.7, 0.5], val_losses=losses)
            assert is_steep(course(history)), losses
        falling = epochs([1.4, 1.0, 0.7, 0.5], val_losses=[0.8, 0.5, 0.6, lost])
        assert not is_steep(course(falling))
