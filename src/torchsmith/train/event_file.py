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
SHORTEST = 4
LONGEST = 2048
"""Contents of other lengths are left to the library, which goes byte by byte."""


def records(events: "Sequence[Event]") -> bytes:
    """Return events as they stand in a file: length, content, a checksum of each."""
    contents = [event.SerializeToString() for event in events]
    return b"".join(
        _length(len(content)) + content + struct.pack("<I", crc)
        for content, crc in zip(contents, masked_crc32c(contents), strict=True)
    )


@cache
def _length(num_bytes: int) -> bytes:
    length = struct.pack("<Q", num_bytes)
    return length + struct.pack("<I", *masked_crc32c([length]))


def masked_crc32c(contents: Sequence[bytes]) -> list[int]:
    """Return the checksum of each content, as event files hold it.

    The share of a byte in a CRC depends on its value and on its distance from the end
    alone, so the shares of all bytes of all contents are looked up at once.

    Source: the CRC of RFC 3720, section 12.1, and the mask of TensorFlow's TFRecords.
    """
    usual = [c for c in contents if SHORTEST <= len(c) <= LONGEST]
    found = dict(zip(usual, _crc32c(usual), strict=True)) if usual else {}
    return [found[c] if c in found else _any_length(c) for c in contents]


def _any_length(content: bytes) -> int:
    from tensorboardX.record_writer import masked_crc32c as by_bytes

    return int(by_bytes(content))


def _crc32c(contents: Sequence[bytes]) -> list[int]:
    width = max(map(len, contents))
    values = np.frombuffer(b"".join(c.rjust(width, b"\0") for c in contents), np.uint8)
    values = values.reshape(-1, width).copy()
    begins = width - np.array([len(c) for c in contents])
    for place in range(
        4
    ):  # a CRC begins with 32 ones; zeros before them change nothing
        values[np.arange(len(values)), begins + place] ^= 0xFF
    shares = _shares()[np.arange(LONGEST - width, LONGEST), values]
    crc = np.bitwise_xor.reduce(shares, axis=1) ^ np.uint32(0xFFFFFFFF)
    masked = ((crc >> 15) | (crc << 17)) + np.uint32(0xA282EAD8)
    return list(map(int, masked))


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
