import pytest

from tests.data.reading import columns, read
from torchsmith.core.errors import DataError
from torchsmith.data.encoding import decode

KOREAN = "날짜,지점,평균기온(℃)\n1907.10.1,서울,13.5\n1907.10.2,부산,16.2\n"
JAPANESE = "名前,都市\nたろう,東京都\nハナコ,おおさか\n"
CHINESE = "姓名,城市\n王小明,北京市\n李红,上海市\n"


@pytest.mark.parametrize(
    ("text", "written", "found"),
    [
        (KOREAN, "utf-8", "utf-8"),
        (KOREAN, "utf-8-sig", "utf-8"),
        ("\ufeff" + KOREAN, "utf-32-le", "utf-32-le"),
        (KOREAN, "euc-kr", "cp949"),
        ("이름\n똠방각하\n" + KOREAN, "cp949", "cp949"),
        (JAPANESE, "cp932", "cp932"),
        (CHINESE, "gb18030", "gb18030"),
        ("姓名,y\n李鑫婷,1\n", "gb18030", "gb18030"),
        ("name,city\nJosé,Málaga\nFrançoise,Orléans\n", "latin-1", "latin-1"),
        ("größe,süß\n1,2\n", "latin-1", "latin-1"),
        ("name,price\nMüller,€5\nJürgen,“7”\n", "cp1252", "cp1252"),
    ],
)
def test_the_encoding_is_found_by_evidence(text: str, written: str, found: str) -> None:
    decoded = decode(text.encode(written), "t.csv")

    assert decoded.text == text.removeprefix("\ufeff")
    assert decoded.encoding == found


@pytest.mark.parametrize("mark", [True, False])
@pytest.mark.parametrize("order", ["le", "be"])
def test_utf16_is_read_with_and_without_a_mark(order: str, mark: bool) -> None:
    raw = ("\ufeff" * mark + "a,b\n1,café\n").encode(f"utf-16-{order}")

    decoded = decode(raw, "t.csv")

    assert decoded.text == "a,b\n1,café\n"
    assert decoded.encoding == f"utf-16-{order}"
    assert bool(decoded.note) is not mark


def test_weak_evidence_for_an_encoding_is_said() -> None:
    assert decode("이름,x\n".encode("cp949"), "t.csv").note.startswith("only 2 Korean")
    note = decode("값,x\n".encode("cp949"), "t.csv").note
    assert note.startswith("only 1 Korean letter speaks for")
    assert "save the file as UTF-8" in decode("caf\xe9".encode("latin-1"), "t").note
    assert decode(KOREAN.encode("cp949"), "t.csv").note == ""


def test_the_encoding_stands_in_what_was_found_out(tmp_path) -> None:
    data = read(tmp_path, KOREAN.encode("euc-kr"))

    assert data.reading["encoding"] == "cp949"
    assert [*columns(data)] == ["날짜", "지점", "평균기온(℃)"]


def test_one_bad_byte_in_utf8_is_refused_with_its_line() -> None:
    raw = (KOREAN * 5).encode() + b"1907.10.3,\xff,1\n"

    with pytest.raises(DataError, match=r"t\.csv: 1 bytes or more .*0xff in line 16"):
        decode(raw, "t.csv")


def test_cut_off_utf16_is_refused_with_its_line() -> None:
    raw = "a,b\r\n1,2\r\n3,4".encode("utf-16")[:-1]

    with pytest.raises(DataError, match="line 3 holds bytes that are not UTF-16-LE"):
        decode(raw, "t.csv")


@pytest.mark.parametrize("raw", [bytes(range(1, 256)) * 3, b"\x01\x02\xff\xfe\x03" * 9])
def test_bytes_that_are_no_text_are_refused(raw: bytes) -> None:
    with pytest.raises(DataError, match="not a text table"):
        decode(raw, "t.csv")
