"""The records of TensorBoard's event files: TFRecords with checksums.

Format: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

import struct
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tensorboardX.proto.event_pb2 import Event

CASTAGNOLI = 0x82F63B78
"""The polynomial of CRC-32C, its lowest bit first."""
SHORTEST = 32
LONGEST = 2048
"""Contents of other lengths are left to the library, which goes byte by byte."""


def records(events: "Sequence[Event]") -> bytes:
    """Return events as they stand in a file."""
    return b"".join(_framed(event.SerializeToString()) for event in events)


def _framed(content: bytes) -> bytes:
    """Return one record: length, content, and a checksum of each."""
    length = struct.pack("<Q", len(content))
    sums = [struct.pack("<I", masked_crc32c(part)) for part in (length, content)]
    return length + sums[0] + content + sums[1]


def masked_crc32c(content: bytes) -> int:
    """Return the checksum of a content, as event files hold it.

    The share of a byte in a CRC depends on its value and on its distance from the end
    alone, so the shares of all bytes are looked up at once.

    Source: the CRC of RFC 3720, section 12.1, and the mask of TensorFlow's TFRecords.
    """
    if not SHORTEST <= len(content) <= LONGEST:
        from tensorboardX.record_writer import masked_crc32c as of_any_length

        return int(of_any_length(content))
    values = np.array(memoryview(content))
    values[:4] ^= np.uint8(0xFF)  # a CRC begins with 32 ones
    shares = _shares()[_ROWS[-len(values) :], values]
    crc = int(np.bitwise_xor.reduce(shares)) ^ 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


_ROWS = np.arange(LONGEST)


@cache
def _shares() -> np.ndarray:
    """Return the share of each byte value at each place, the last place last."""
    share: np.ndarray = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        share = (share >> 1) ^ (share & 1) * np.uint32(CASTAGNOLI)
    shares = [share]
    while len(shares) < LONGEST:
        shares.append(share[shares[-1] & 0xFF] ^ (shares[-1] >> 8))
    return np.stack(shares[::-1])
