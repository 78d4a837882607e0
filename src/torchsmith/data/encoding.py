"""Finding out in which encoding a text file is written, by evidence."""

import codecs
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from torchsmith.core.errors import DataError
from torchsmith.core.wording import amount

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: begins with its mark
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CERTAIN_LETTERS = 8  # fewer East Asian letters than this are weak evidence


@dataclass(frozen=True)
class Decoded:
    """A text file's text.

    Attributes:
        text: Without a byte order mark; line ends as they stand in the file.
        encoding: Python's name of the encoding.
        note: What is unsure about it, or empty.
    """

    text: str
    encoding: str
    note: str = ""


def decode(raw: bytes, source: str) -> Decoded:
    """Decode a whole text file by evidence, never replacing a character.

    In this order: a byte order mark; UTF-16 without one (every other byte is NUL);
    strict UTF-8; CP949 (of which EUC-KR is a part), Shift-JIS or GB18030 where the
    letters are common ones of that language; else CP1252 or Latin-1.

    Args:
        raw: The bytes of the file.
        source: What to call the file in messages.

    Raises:
        DataError: The file is damaged UTF-8, damaged UTF-16, or no text.
    """
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return Decoded(_strict(raw[len(mark) :], encoding, source), encoding)
    if encoding := _utf16_without_mark(raw):
        note = f"no byte order mark; {encoding} by its pattern of NUL bytes"
        return Decoded(_strict(raw, encoding, source), encoding, note)
    try:
        return Decoded(raw.decode(), "utf-8")
    except UnicodeDecodeError as error:
        _refuse_damaged_utf8(raw, error.start, source)
    return _east_asian(raw) or _western(raw, source)


def line_at(text: str, position: int) -> int:
    """Return the line (1 = first) of a position in a text."""
    before = text[:position]
    return before.count("\n") + before.count("\r") - before.count("\r\n") + 1


def _strict(raw: bytes, encoding: str, source: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = line_at(raw[: error.start].decode(encoding), error.start)
        raise DataError(
            f"{source}: line {line} holds bytes that are not {encoding.upper()}, the "
            "encoding of the rest of the file; is it cut off? save it as UTF-8"
        ) from error


def _utf16_without_mark(raw: bytes) -> str:
    sample = raw[:4096]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if even + odd < len(sample) * 0.1:
        return ""
    if odd > 20 * even:
        return "utf-16-le"
    return "utf-16-be" if even > 20 * odd else ""


def _refuse_damaged_utf8(raw: bytes, position: int, source: str) -> None:
    text = raw.decode(errors="replace")
    bad = text.count("\ufffd")
    good = sum(count for letter, count in Counter(text).items() if letter > "\x7f")
    if good - bad < 10 * bad:
        return
    line = line_at(raw[:position].decode(), position)
    raise DataError(
        f"{source}: {bad} bytes or more are not UTF-8 (first: "
        f"{raw[position]:#04x} in line {line}) in a file that is UTF-8 otherwise; "
        "save it as UTF-8 again, or correct these places"
    )


def _east_asian(raw: bytes) -> Decoded | None:
    for encoding, common, language in (
        ("cp949", _common_korean, "Korean"),
        ("cp932", _common_japanese, "Japanese"),
        ("gb18030", _common_chinese, "Chinese"),
    ):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        typical, total = common(Counter(letter for letter in text if letter > "\x7f"))
        if total and typical >= 0.9 * total:
            speaks, speak = f"{language} letter speaks", f"{language} letters speak"
            note = (
                f"only {amount(total, speaks, speak)} for {encoding}; "
                "if the names look wrong, save the file as UTF-8"
            )
            return Decoded(text, encoding, note if total < _CERTAIN_LETTERS else "")
    return None


def _common_korean(letters: Counter[str]) -> tuple[int, int]:
    """Count syllables in everyday use, and all letters; others are chance."""
    everyday = sum(
        count
        for letter, count in letters.items()
        if "가" <= letter <= "힣" and _everyday(letter, "euc_kr")
    )
    return everyday, sum(n for letter, n in letters.items() if letter.isalpha())


def _common_japanese(letters: Counter[str]) -> tuple[int, int]:
    """Count kana and kanji if there is kana; half-width kana are often chance."""
    kana = sum(n for letter, n in letters.items() if "ぁ" <= letter <= "ヿ")
    kanji = sum(n for letter, n in letters.items() if "一" <= letter <= "鿿")
    total = sum(
        n for letter, n in letters.items() if letter.isalpha() or letter == "ー"
    )
    return (kana + kanji if kana > 0.1 * total else 0), total


def _common_chinese(letters: Counter[str]) -> tuple[int, int]:
    """Count characters of GB2312 if most are of its first level.

    Two small letters of Latin-1, as in `größe`, are one of the second, rare ones.
    """
    total = sum(n for letter, n in letters.items() if letter.isalpha())
    known = {
        letter: count
        for letter, count in letters.items()
        if "一" <= letter <= "鿿" and _everyday(letter, "gb2312")
    }
    first = sum(n for letter, n in known.items() if letter.encode("gb2312") < b"\xd8")
    return (sum(known.values()) if first > 0.5 * total else 0), total


def _everyday(letter: str, encoding: str) -> bool:
    """Tell letters of the small character set; rarer ones take more than two bytes."""
    try:
        return len(letter.encode(encoding)) == 2
    except UnicodeEncodeError:
        return False


def _western(raw: bytes, source: str) -> Decoded:
    controls = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in islice(raw, 65536))
    if controls > 0.01 * min(len(raw), 65536):
        raise DataError(
            f"{source}: is not a text table (it holds control characters); "
            "expected CSV, TSV or Parquet"
        )
    note = "not UTF-8 and not a known East Asian encoding; if names look wrong, "
    note += "save the file as UTF-8"
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        return Decoded(raw.decode("latin-1"), "latin-1", note)
    same = text == raw.decode("latin-1")
    return Decoded(text, "latin-1" if same else "cp1252", note)
