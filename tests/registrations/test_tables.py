"""Tables that people upload, and tables that they take home."""

import csv
import io
import zipfile
from datetime import date, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from registrations import tables
from registrations.tables import RefusedTable, Row

#: What a cell should survive, and what it should never become.
ODD = [
    "=1+1",
    '=HYPERLINK("http://evil.example","click")',
    "+44 20 7946 0000",
    "-5",
    "@SUM(A1)",
    "'=1+1",
    "''=1+1",
    "= 1",
    "'quoted'",
    "＝1+1",
    "#N/A",
    'He said "yes", and left',
    "first line\nsecond line",
    "a;b\tc,d",
    "Šarūnė Óðinn Ζωή Юлія 李",
    "a" * 5000,
    "<script>alert(1)</script>",
    "TRUE",
    "007",
]


def upload(data: bytes | str) -> SimpleUploadedFile:
    return SimpleUploadedFile("people", data if isinstance(data, bytes) else data.encode())


def book(*rows, change=None) -> bytes:
    """An XLSX file as a spreadsheet makes it."""
    made = Workbook()
    for row in rows:
        made.active.append(row)
    if change:
        change(made)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def refusal(data: bytes | str) -> str:
    with pytest.raises(RefusedTable) as refused:
        tables.read(upload(data))
    return str(refused.value)


# -- Reading CSV ----------------------------------------------------------------------------------


def test_read_gives_rows_with_the_numbers_of_their_lines():
    found = tables.read(upload('Name,E-mail\nAna,ana@a.example\n\n"B\nb",b@a.example\nC,\n'))

    assert found == [
        Row(2, {"name": "Ana", "email": "ana@a.example"}),
        Row(4, {"name": "B\nb", "email": "b@a.example"}),
        Row(6, {"name": "C", "email": ""}),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_read_takes_the_usual_encodings_and_signs_between_columns(encoding, sign):
    text = f"Given name{sign}Family name\r\nZoé{sign}Müller\r\n"

    assert tables.read(upload(text.encode(encoding))) == [
        Row(2, {"givenname": "Zoé", "familyname": "Müller"})
    ]


def test_read_takes_the_hint_that_spreadsheets_write_into_the_first_line():
    assert tables.read(upload("sep=;\nName, first;E-mail\nAna;a@a.example\n")) == [
        Row(3, {"namefirst": "Ana", "email": "a@a.example"})
    ]


def test_a_comma_inside_quotation_marks_does_not_part_columns():
    assert tables.read(upload('"Organisation";"Name, full"\n"A, B";"C"\n'))[0].cells == {
        "organisation": "A, B",
        "namefull": "C",
    }


def test_get_finds_a_column_however_its_header_is_written():
    for header in ("E-mail", "email", "E_MAIL", " é-Mail "):
        row = tables.read(upload(f"{header},x\na@a.example,1\n"))[0]
        assert (row.get("address", "E-mail"), row.get("nothing")) == ("a@a.example", "")


def test_a_line_with_more_cells_than_headers_says_so_and_the_others_stay():
    found = tables.read(upload("name,\nAna,\nB,b,stray\n"))

    assert [(row.line, row.problem) for row in found] == [
        (2, ""),
        (3, "This line has more cells than there are headers."),
    ]


def test_a_table_with_headers_alone_has_no_rows():
    assert tables.read(upload("name,email\n")) == []


def test_pasted_text_is_read_like_a_file():
    assert tables.read_text("name\temail\nAna\ta@a.example") == [
        Row(2, {"name": "Ana", "email": "a@a.example"})
    ]


# -- Reading XLSX ---------------------------------------------------------------------------------


def test_read_knows_a_spreadsheet_by_its_content():
    data = book(
        ["Name", "Number", "Day", "At", "Is there", None],
        ["Ana", 7.0, date(2027, 3, 31), datetime(2027, 3, 31, 9, 30), True, None],
        [],
        ["B", 1.5],
    )

    assert [(row.line, row.cells) for row in tables.read(upload(data))] == [
        (
            2,
            {
                "name": "Ana",
                "number": "7",
                "day": "2027-03-31",
                "at": "2027-03-31 09:30",
                "isthere": "yes",
            },
        ),
        (4, {"name": "B", "number": "1.5", "day": "", "at": "", "isthere": ""}),
    ]


def test_a_formula_in_a_spreadsheet_is_read_as_its_value_and_never_as_text():
    assert tables.read(upload(book(["name", "x"], ["Ana", "=1+1"])))[0].cells["x"] == ""


def test_read_does_not_believe_what_a_spreadsheet_says_of_its_size():
    last = 200_000

    def far(made):
        made.active.cell(row=last, column=1, value="far")

    assert [row.line for row in tables.read(upload(book(["a"], ["b"], change=far)))] == [2, last]


def test_a_row_beyond_the_end_of_every_sheet_is_refused_at_once():
    data = patched(book(["a"], ["b"]), b'r="2"', b'r="99999999999"')

    assert refusal(data) == "This file cannot be read. Save it again, or as CSV."


def patched(data: bytes, old: bytes, new: bytes) -> bytes:
    """The spreadsheet with another text in its sheet."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content.replace(old, new) if "sheet1" in name else content)
    return file.getvalue()


# -- Refusals -------------------------------------------------------------------------------------


def test_what_is_no_table_is_refused_in_a_sentence():
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/worksheets/sheet1.xml", b" " * (tables.MOST_UNPACKED + 1))
    wide = ",".join(f"c{n}" for n in range(tables.MOST_COLUMNS + 1))
    for data, words in (
        (b"", "The file is empty."),
        (b"\n\n,,\n", "The file is empty."),
        (b"%PDF-1.7\x00\x01\x02", "This is no table. Upload a CSV or an XLSX file."),
        (b"\x81\x8d\x8f", "This is no table. Upload a CSV or an XLSX file."),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1",
            "This is an old Excel file (.xls). Save it as .xlsx or as CSV.",
        ),
        (b"PK\x03\x04 and no more", "This file cannot be read. Save it again, or as CSV."),
        (bomb.getvalue(), "The table is too large once unpacked. Split it."),
        ("name,Name\na,b\n", "Two columns are headed “name”."),
        ('name\n"open\n', "Line 2 cannot be read: look at its quotation marks."),
        (b"x" * (tables.MOST_BYTES + 1), "The file is larger than 5 MB. Split it."),
        (f"{wide}\n", "The table has more than 50 columns. Leave some out."),
        (
            "name\n" + "a\n" * (tables.MOST_ROWS + 1),
            "The table has more than 20000 lines. Split it.",
        ),
    ):
        assert refusal(data) == words


def test_a_table_of_the_largest_size_is_read():
    assert len(tables.read(upload("name\n" + "a\n" * tables.MOST_ROWS))) == tables.MOST_ROWS


def test_a_spreadsheet_with_too_many_columns_is_refused():
    assert refusal(book([f"c{n}" for n in range(60)])) == (
        "The table has more than 50 columns. Leave some out."
    )


# -- Writing --------------------------------------------------------------------------------------


def cells_of(data: bytes) -> list[list]:
    sheet = load_workbook(io.BytesIO(data)).active
    return [list(row) for row in sheet.iter_rows(min_row=2)]


def test_no_cell_of_a_csv_file_begins_like_a_formula():
    data = b"".join(tables.write_csv(["=head"], [[text] for text in [*ODD, " =1", "\t=1", "\r1"]]))

    for (cell,) in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")):
        assert cell.lstrip(" \t\r\n")[:1] not in {"=", "+", "-", "@", "＝"}
        assert cell[:1] not in {"\t", "\r"}


def test_every_text_in_a_spreadsheet_is_typed_as_text():
    data = b"".join(tables.write_xlsx(["=head"], [[text] for text in ODD]))

    assert [row[0].data_type for row in cells_of(data)] == ["s"] * len(ODD)
    assert [row[0].value for row in cells_of(data)] == ODD
    assert load_workbook(io.BytesIO(data)).active["A1"].data_type == "s"


def test_numbers_stay_numbers_and_nothing_stays_empty():
    rows = [["a", -5, 1.5, None]]
    data = b"".join(tables.write_xlsx(["a", "b", "c", "d"], rows))

    assert [cell.value for cell in cells_of(data)[0]] == ["a", -5, 1.5, None]
    assert b"".join(tables.write_csv(["a"], rows)).decode("utf-8-sig") == "a\r\na,-5,1.5,\r\n"


@pytest.mark.parametrize("write", [tables.write_csv, tables.write_xlsx])
def test_odd_texts_come_back_as_they_were(write):
    data = b"".join(write(["n", "text"], [[n, text] for n, text in enumerate(ODD)]))

    assert [row.cells["text"] for row in tables.read(upload(data))] == ODD


@pytest.mark.parametrize("write", [tables.write_csv, tables.write_xlsx])
@settings(deadline=None)
@given(texts=st.lists(st.text(), min_size=1, max_size=5))
def test_any_text_comes_back_as_it_was_but_for_blanks_around_it(write, texts):
    data = b"".join(write(["n", "text"], [["x", text] for text in texts]))

    kept = [tables.UNPRINTABLE.sub("", text).strip() for text in texts]
    found = [row.cells["text"] for row in tables.read(upload(data))]
    assert [lines(text) for text in found] == [lines(text) for text in kept]


def lines(text: str) -> list[str]:
    """XML knows one sort of line break."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def test_control_characters_do_not_spoil_a_file():
    data = b"".join(tables.write_xlsx(["a"], [["x\x00\x01\ufffey"]]))

    assert cells_of(data)[0][0].value == "xy"


def test_writing_does_not_wait_for_the_last_row():
    rows = ([str(n)] for n in range(10**9))

    chunks = tables.write_csv(["n"], rows)
    assert next(chunks).startswith(b"\xef\xbb\xbfn\r\n0\r\n")
