"""Threads between which networks are divided."""

import torch

from torchsmith.train.engines.lanes import in_lanes
from torchsmith.train.session import Stop


def test_each_lane_has_one_thread_and_the_caller_its_own_again():
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        work = [lambda: seen.append(torch.get_num_threads())] * 2
        in_lanes(work, Stop(), one_thread=True)
        assert seen == [1, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
