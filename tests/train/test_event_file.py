"""The records of event files, against the library that reads them byte by byte."""

import random

import pytest
from tensorboardX.record_writer import masked_crc32c as byte_by_byte

from torchsmith.train.event_file import LONGEST, SHORTEST, masked_crc32c


@pytest.mark.parametrize(
    "length", [0, 8, SHORTEST - 1, SHORTEST, 170, LONGEST, LONGEST + 1]
)
def test_the_checksum_is_that_of_the_library_for_any_length(length):
    content = random.Random(length).randbytes(length)
    assert masked_crc32c(content) == byte_by_byte(content)
