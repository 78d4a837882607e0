import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchsmith.core.errors import DataError
from torchsmith.data.load import load
from torchsmith.data.sequence_texts import read_text_file


def _text(data, row):
    places = data.inputs.at(row)[:, 0].astype(int).tolist()
    return "".join(data.inputs.symbols[place] for place in places)


def _folder(folder, **files):
    for name, content in files.items():
        (folder / f"{name}.txt").write_bytes(content)
    return folder


def test_the_file_is_the_class_and_each_line_an_example(tmp_path):
    data = load(_folder(tmp_path, Irish="Ó Néill\nKelly\n".encode(), Korean=b"Kim"))
    assert data.kind == "sequences"
    assert [_text(data, row) for row in range(3)] == ["Ó Néill", "Kelly", "Kim"]
    assert data.target.texts() == ["Irish", "Irish", "Korean"]
    assert data.inputs.name(1) == "Irish.txt line 2"
    assert data.inputs.symbols == tuple(
        sorted("Ó NéillKellyKim" and set("Ó NéilKeyim"))
    )


def test_an_empty_file_among_texts_is_named(tmp_path):
    with pytest.raises(DataError, match=r"b\.txt: holds no texts, one per line; add"):
        load(_folder(tmp_path, a=b"abc\nabd\n", b=b""))


def test_blank_lines_and_spaces_around_texts_are_counted(tmp_path):
    data = load(_folder(tmp_path, a=b"x \r\n\r\n y\r\n", b="\ufeffz\n".encode()))
    assert [_text(data, row) for row in range(3)] == ["x", "y", "z"]
    told = {change.what: change.lines for change in data.changes}
    assert told == {
        "blank line left out (a.txt)": (2,),
        "spaces around a text removed (a.txt)": (1, 3),
    }


def test_a_text_that_is_not_utf8_is_named_with_its_line(tmp_path):
    folder = _folder(tmp_path, a=b"x\n", b=b"x\nM\xfcller\n")
    with pytest.raises(DataError, match=r"b\.txt, line 2: byte 2 is 0xfc.*not UTF-8"):
        load(folder)


def test_a_class_without_texts_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"b\.txt: holds no texts"):
        load(_folder(tmp_path, a=b"x\n", b=b"\n"), kind="sequences")


def test_tables_in_a_folder_are_no_texts_but_where_asked(tmp_path):
    folder = _folder(tmp_path, a=b"x,y\n1,2\n", b=b"x,y\n3,4\n")
    told = r"is a folder of 2 files.*if they are texts.*set data\.kind: sequences"
    with pytest.raises(DataError, match=told):
        load(folder)
    assert len(load(folder, kind="sequences")) == 4


def test_what_keeps_files_of_a_folder_from_being_texts_is_told(tmp_path):
    folder = _folder(tmp_path, a="äb\n".encode("utf-16"), b=b"x\n")
    with pytest.raises(
        DataError, match=r"a\.txt, line 1: .* is not UTF-8; save the file"
    ):
        load(folder)
    folder = _folder(tmp_path, a=b"ab\n", b=b"x\n")
    (folder / "README.md").write_text("About.\n")
    with pytest.raises(DataError, match=r"files as texts, .*, remove README\.md"):
        load(folder)


def test_a_file_of_texts_has_no_labels(tmp_path):
    _folder(tmp_path, new="Kim\nLeé\n".encode())
    data = read_text_file(tmp_path / "new.txt")
    assert data.target is None
    assert [_text(data, row) for row in range(2)] == ["Kim", "Leé"]


def test_texts_from_python_stay_as_they_are():
    data = load((["a b ", "c"], ["x", "y"]), kind="sequences")
    assert _text(data, 0) == "a b "
    assert data.target.texts() == ["x", "y"]


_TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8
).filter(lambda text: text == text.strip() and len(text.splitlines()) == 1)


@given(st.lists(_TEXTS, min_size=1, max_size=6))
def test_texts_that_are_written_are_read_again(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("texts") / "a.txt"
    path.write_bytes("\n".join(texts).encode())
    data = read_text_file(path)
    assert [_text(data, row) for row in range(len(data))] == [
        text.removeprefix("\ufeff") if row == 0 else text
        for row, text in enumerate(texts)
    ]
    assert data.inputs.symbols == tuple(sorted(data.inputs.symbols))


def test_names_of_18_languages_are_read(shared_data):
    data = load(shared_data / "names")
    assert (len(data), len(data.target.levels)) == (20_050, 18)
    assert data.inputs.lengths.min() == 2
    assert sum(change.count for change in data.changes) == 10


def test_a_folder_of_one_file_of_texts_needs_a_second_class(tmp_path):
    (tmp_path / "vowels.txt").write_text("aoui\nuuio\n")
    with pytest.raises(DataError, match=r"classes need two files or more; if it is a"):
        load(tmp_path)
    (tmp_path / "vowels.txt").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(DataError, match=r"is a folder of one file; give it: .*vowels"):
        load(tmp_path)
