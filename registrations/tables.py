"""Reads tables that people upload, CSV and XLSX by their content, and writes such in which no cell is a formula."""

import csv
import io
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.core.files import File
from django.utils.translation import gettext as _
from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from accounts.members import words_of

MOST_BYTES = 5_000_000
MOST_ROWS = 20_000
MOST_COLUMNS = 50
#: What the parts of an XLSX file may come to once unpacked; lines further down are not looked for.
MOST_UNPACKED = 60_000_000
LAST_LINE = 250_000

#: Spreadsheets take a text in a CSV file that begins so for a formula (OWASP, "CSV Injection").
FORMULA = re.compile(r"[\s'＇]*[=+\-@＝＋－＠]|[\t\r\n]")
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
CHUNK = 64 * 1024

Cell = str | int | float | None


class RefusedTable(Exception):
    """The file is no table that we read; the text says why and what to do."""


@dataclass(frozen=True)
class Row:
    """One line under the headers: its number in the file, and its cells by header in plain letters (`plain`).

    `problem` says what is wrong with the line as a whole, if anything is.
    """

    line: int
    cells: dict[str, str]
    problem: str = ""

    def get(self, *headers: str) -> str:
        """Return the first text that stands under one of these headers, however those are written."""
        return next(filter(None, (self.cells.get(plain(header), "") for header in headers)), "")


def plain(header: str) -> str:
    """Return a header for comparison: `E-Mail`, `e_mail` and `email ` are one."""
    return words_of(header.replace("_", " ")).replace(" ", "")


def read(upload: File) -> list[Row]:
    """Return the lines of an uploaded CSV or XLSX file under its first line, which holds the headers.

    CSV may be in UTF-8, UTF-16 with its mark, or Windows-1252, parted by commas, semicolons or tabs. Empty lines are
    left out. Raises RefusedTable for files that are too big or no table.
    """
    data = upload.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise RefusedTable(
            _("The file is larger than %(number)s MB. Split it.")
            % {"number": MOST_BYTES // 1_000_000}
        )
    if data.startswith(b"PK\x03\x04"):
        return _rows(_lines_of_xlsx(data))
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise RefusedTable(_("This is an old Excel file (.xls). Save it as .xlsx or as CSV."))
    return read_text(_decoded(data))


def read_text(text: str) -> list[Row]:
    """Return the lines of a CSV table that somebody pasted. Raises RefusedTable as `read` does."""
    if UNPRINTABLE.search(text):
        raise RefusedTable(_("This is no table. Upload a CSV or an XLSX file."))
    return _rows(_lines_of_csv(text))


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Yield a CSV file in UTF-8 with its mark, bit by bit as the rows come."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow([_guarded(cell) for cell in header])
    for row in rows:
        writer.writerow([_guarded(cell) for cell in row])
        if buffer.tell() > CHUNK:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def write_xlsx(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Yield an XLSX file of one sheet. It is put together on disk, so that memory does not grow with the rows."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    heads = [_typed(sheet, title, is_text=True) for title in header]
    for head in heads:
        head.font = Font(bold=True)
    sheet.append(heads)
    for row in rows:
        sheet.append([_typed(sheet, cell) for cell in row])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk


def _rows(lines: Iterable[tuple[int, list[str]]]) -> list[Row]:
    """Put cells under their headers. Raises RefusedTable where that cannot be done."""
    filled = ((number, cells) for number, cells in lines if any(cells))
    first = next(filled, None)
    if first is None:
        raise RefusedTable(_("The file is empty."))
    headers = [plain(title) for title in first[1]]
    while headers and not headers[-1]:
        headers.pop()
    if len(headers) > MOST_COLUMNS:
        raise RefusedTable(
            _("The table has more than %(number)s columns. Leave some out.")
            % {"number": MOST_COLUMNS}
        )
    twice = next((title for title in headers if title and headers.count(title) > 1), None)
    if twice is not None:
        title = first[1][headers.index(twice)]
        raise RefusedTable(_("Two columns are headed “%(title)s”.") % {"title": title})
    rows: list[Row] = []
    for number, cells in filled:
        if len(rows) == MOST_ROWS:
            raise RefusedTable(
                _("The table has more than %(number)s lines. Split it.") % {"number": MOST_ROWS}
            )
        named = {title: cell for title, cell in zip(headers, cells, strict=False) if title}
        has_more = any(cells[len(headers) :])
        problem = _("This line has more cells than there are headers.") if has_more else ""
        rows.append(Row(number, named, problem))
    return rows


def _decoded(data: bytes) -> str:
    is_utf_16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ["utf-16"] if is_utf_16 else ["utf-8-sig", "cp1252"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RefusedTable(_("This is no table. Upload a CSV or an XLSX file."))


def _lines_of_csv(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV file with the number of the line in which each begins."""
    hint = re.match(r"sep=(.)\r?\n", text)
    delimiter = hint[1] if hint else _delimiter(text)
    reader = csv.reader(
        io.StringIO(text[hint.end() :] if hint else text, newline=""),
        delimiter=delimiter,
        strict=True,
    )
    before = 1 if hint else 0
    while True:
        number = before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise RefusedTable(
                _("Line %(number)s cannot be read: look at its quotation marks.")
                % {"number": number}
            ) from error
        yield number, [_unguarded(cell) for cell in cells]


def _delimiter(text: str) -> str:
    """What parts the columns: that of the usual signs which makes the most of the headers."""
    heading = text.lstrip("\r\n")

    def columns(sign: str) -> int:
        try:
            lines = csv.reader(io.StringIO(heading, newline=""), delimiter=sign, strict=True)
            return len(next(lines, []))
        except csv.Error:
            return 0

    return max([",", ";", "\t"], key=columns)


def _lines_of_xlsx(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """The lines of the first sheet with their numbers."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            is_bomb = sum(part.file_size for part in parts.infolist()) > MOST_UNPACKED
        if is_bomb:
            raise RefusedTable(_("The table is too large once unpacked. Split it."))
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file says of its own size need not be true
        rows = sheet.iter_rows(max_col=MOST_COLUMNS + 1, values_only=True)
        for number, cells in enumerate(rows, start=1):
            if number > LAST_LINE:
                raise RefusedTable(_("This file cannot be read. Save it again, or as CSV."))
            if cells.count(None) < len(cells):
                yield number, [_text(cell) for cell in cells]
        book.close()
    except RefusedTable:
        raise
    except Exception as error:  # of a damaged file openpyxl and zipfile raise nearly anything
        raise RefusedTable(_("This file cannot be read. Save it again, or as CSV.")) from error


def _text(value: Any) -> str:
    """What a cell of a spreadsheet says."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        day = value.date().isoformat()
        return day if value.time() == time() else f"{day} {value:%H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    return UNPRINTABLE.sub("", str(value)).strip() if value is not None else ""


def _guarded(cell: Cell) -> str | int | float:
    """A cell of a CSV file that no spreadsheet takes for a formula: such a text gets an apostrophe in front."""
    if not isinstance(cell, str):
        return "" if cell is None else cell
    text = UNPRINTABLE.sub("", cell)
    return f"'{text}" if FORMULA.match(text) else text


def _unguarded(cell: str) -> str:
    """The text without the apostrophe that `_guarded` puts in front."""
    is_guarded = cell.startswith("'") and FORMULA.match(cell[1:])
    return cell[1:].strip() if is_guarded else cell.strip()


def _typed(sheet: Any, value: Cell, *, is_text: bool = False) -> Any:
    """A cell of a spreadsheet: a text stays text, whatever it looks like, also when it is edited."""
    if value is None or isinstance(value, int | float):
        return value
    text = UNPRINTABLE.sub("", value)
    if not is_text and text[:1] not in {"=", "#", "+", "-", "@"}:
        return text
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    cell.number_format = "@"
    return cell
