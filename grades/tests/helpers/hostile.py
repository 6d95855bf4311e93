"""Files that are made to harm whoever reads them."""

import io
import zipfile

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
CONTENT_TYPES = (
    f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/'
    'vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
ROOT = (
    f'<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="r" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)


def raw_workbook(*sheets, names=None, states=(), texts=(), more=()):
    """An XLSX file as bytes. Each sheet is the XML of its rows, or an iterable of parts of it.

    `texts` are parts of the XML of the shared texts, `more` are (name, content) of further members.
    """
    names = names or [f"S{number}" for number in range(len(sheets))]
    states = [*states, *["visible"] * (len(sheets) - len(states))]
    listed = "".join(
        f'<sheet name="{name}" state="{state}" sheetId="{number}" r:id="r{number}"/>'
        for number, (name, state) in enumerate(zip(names, states, strict=True), 1)
    )
    relations = "".join(
        f'<Relationship Id="r{number}" Type="{RELATIONS}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(sheets) + 1)
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", CONTENT_TYPES)
        archive.writestr("_rels/.rels", ROOT)
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>{listed}</sheets></workbook>'
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}/relationships">{relations}</Relationships>'
        )
        for number, sheet in enumerate(sheets, 1):
            with archive.open(f"xl/worksheets/sheet{number}.xml", "w") as part:
                part.write(f'<worksheet xmlns="{MAIN}"><sheetData>'.encode())
                for piece in [sheet] if isinstance(sheet, str) else sheet:
                    part.write(piece.encode())
                part.write(b"</sheetData></worksheet>")
        if texts:
            with archive.open("xl/sharedStrings.xml", "w") as part:
                part.write(f'<sst xmlns="{MAIN}">'.encode())
                for piece in texts:
                    part.write(piece.encode())
                part.write(b"</sst>")
        for name, content in more:
            archive.writestr(name, content)
    return file.getvalue()


def cell(reference, text="x"):
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


FIRST_ROW = f'<row r="1">{cell("A1", "号码")}{cell("B1", "姓名")}</row>'


def two_sheets_of_one_name():
    """1.5 KB. calamine finds a sheet by its name, and takes the first: 16 billion cells, hidden."""
    hidden = cell("A1") + cell("XFD1048576")
    return raw_workbook(hidden, FIRST_ROW, names=["list", "list"], states=["hidden"])


def many_texts(count=31_000_000):
    """1.2 MB with 31 million texts; each takes 56 bytes of memory."""
    piece = "<si><t>a</t></si>" * 10_000
    return raw_workbook(FIRST_ROW, texts=[piece] * (count // 10_000))


def one_text_in_many_cells(cells=20_000, size=100_000):
    """Two gigabytes when each cell has its own copy of the shared text."""
    rows = (f'<row r="{number}"><c r="A{number}" t="s"><v>0</v></c></row>' for number in range(1, cells + 1))
    return raw_workbook("".join(rows), texts=[f"<si><t>{'x' * size}</t></si>"])
