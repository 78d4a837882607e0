"""The records of event files, against the library that reads them byte by byte."""

import random

import pytest
from tensorboardX.record_writer import masked_crc32c as byte_by_byte

from torchsmith.train.event_file import LONGEST, SHORTEST, masked_crc32c

LENGTHS = [0, 3, SHORTEST, 8, 31, 170, LONGEST, LONGEST + 1]


def content_of(length):
    return random.Random(length).randbytes(length)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_checksum_is_that_of_the_library_for_any_length(length):
    content = content_of(length)
    assert masked_crc32c([content]) == [byte_by_byte(content)]


def test_the_checksums_of_many_are_those_of_each():
    contents = [content_of(length) for length in LENGTHS]
    contents += [b"\0" * 20, b"\0" * 21, contents[3]]
    assert masked_crc32c(contents) == [byte_by_byte(each) for each in contents]
    assert masked_crc32c([]) == []
