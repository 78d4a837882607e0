"""Several processes that train together are as one: two on the CPU, over gloo."""

import json

import pytest
import torch
from safetensors.torch import load_file

from tests.torchrun import SECONDS, torchrun
from tests.train import several


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What came of all trainings of `several` in two processes."""
    folder = tmp_path_factory.mktemp("several")
    process = torchrun(folder, "tests.train.several", folder)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, out + err
    return folder, json.loads((folder / "results.json").read_text())


DIVIDED = {f"{name}, divided": several.CASES[name] for name in several.DIVIDED}
"""Those that are trained as one divided network, too."""


@pytest.mark.parametrize("name", [*several.CASES, *DIVIDED])
def test_two_processes_learn_what_one_does_with_the_same_global_batch(together, name):
    folder, results = together
    state = several.train((several.CASES | DIVIDED)[name])
    alone, result = several.outcome(state), results[name]
    assert result["ending"] == alone["ending"]
    assert result["step"] == alone["step"]
    assert result["lr"] == alone["lr"]
    for each in ("train_loss", "val_loss", "grad_norm"):
        assert result[each] == pytest.approx(alone[each], rel=1e-4, abs=1e-5)
    weights = load_file(folder / f"{name}.0.safetensors")
    for key, own in state.network.state_dict().items():
        torch.testing.assert_close(weights[key], own, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["mean", "clipped, on a plateau", "sum, accumulated"])
def test_all_processes_end_with_the_same_weights_bit_for_bit(together, name):
    folder, _ = together
    first, second = (load_file(folder / f"{name}.{i}.safetensors") for i in (0, 1))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_plateau_is_seen_by_all_processes(together):
    lr = together[1]["clipped, on a plateau"]["lr"]
    assert lr[-1] < lr[0]


def test_a_resumed_training_of_two_processes_ends_with_the_same_weights(together):
    folder, results = together
    assert results["asked"]["error"] == "Interrupted"
    assert "at step 11" in results["asked"]["message"]
    assert results["resumed"]["step"] == results["whole"]["step"]
    whole, resumed = (
        load_file(folder / f"{name}.0.safetensors") for name in ("whole", "resumed")
    )
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_a_resumed_training_of_a_divided_network_ends_with_the_same_weights(together):
    folder, results = together
    # Once while the other process waited for an order, once in the midst of an epoch.
    for step in (9, 11):
        assert f"at step {step};" in results[f"divided until {step}"]["message"]
    for names in (
        ("mean, divided", "divided again"),
        ("convolutions, divided", "convolutions again"),
    ):
        whole, again = (load_file(folder / f"{name}.0.safetensors") for name in names)
        assert all(torch.equal(whole[key], again[key]) for key in whole)


def test_a_process_that_is_told_to_stop_stops_all_and_all_is_saved(together):
    folder, results = together
    result = results["asked by the other"]
    assert result["error"] == "Interrupted"
    assert "in epoch 2, at step 10" in result["message"]
    assert several.RunFolder(folder / "asked by the other").newest_checkpoint()[0]


def test_what_goes_wrong_in_another_process_is_told_by_the_first(together):
    folder, results = together
    assert results["failed"]["error"] == "TrainError"
    assert results["failed"]["message"] == (
        "process 1: the loss is wrong; all is saved up to step 3. When that is mended, "
        "go on with --resume"
    )
    newest, _ = several.RunFolder(folder / "failed").newest_checkpoint()
    assert newest.name == "00000003"


def test_what_goes_wrong_in_the_first_process_ends_the_training_of_all(together):
    _, results = together
    assert results["failed first"]["message"] == "the loss is wrong"
    assert results["after all that"] == results["mean"]


def test_the_guard_of_time_stops_all_processes_at_the_same_step(together):
    _, results = together
    assert results["out of time"]["ending"] == "seconds"
    assert results["out of time"]["step"] == 1
    assert results["out of time, divided"]["step"] == 1
