"""The page of verdicts: what a reader sees of claims.csv."""

from xml.etree import ElementTree

from transferscope import claims, store
from transferscope.claims import page


def row(**fields) -> dict:
    return dict.fromkeys(claims.COLUMNS, "") | {"effect": None, "low": None, "high": None, "support": None} | fields


def cells(text: str) -> list[list[str]]:
    body = text[text.index("<tr>") : text.rindex("</table>")]
    rows = ElementTree.fromstring(f"<table>{body}</table>")
    return [["".join(cell.itertext()) for cell in line] for line in rows]


def test_every_claim_is_a_line_with_its_verdict_and_effect():
    shown = cells(
        page.page([row(claim="A-1", verdict="holds", effect=0.12345), row(claim="A-2", verdict="fails")], "A")
    )
    assert shown[0] == [name.replace("_", " ") for name in page.SHOWN]
    effect, verdict = page.SHOWN.index("effect"), page.SHOWN.index("verdict")
    assert [(line[0], line[verdict], line[effect]) for line in shown[1:]] == [
        ("A-1", "holds", "0.123"),
        ("A-2", "fails", ""),
    ]


def test_words_that_look_like_markup_stay_words():
    statement = "TAs(a) < TAs(b) & <b>so on</b>"
    (shown,) = cells(page.page([row(statement=statement)], "<script>"))[1:]
    assert shown[page.SHOWN.index("statement")] == statement
    assert "<script>" not in page.page([], "<script>")


def test_the_page_says_what_was_resampled():
    assert "interval of the effect over seeds;" in page.page([], "A")
    assert "interval of the effect over networks;" in page.page([], "A", "networks")


def test_the_table_and_the_page_hold_the_verdicts_and_the_log_has_them_too(tmp_path, capsys):
    verdicts = [row(claim="A-1", verdict="holds", statement="a < b"), row(claim="A-2", verdict="fails")]
    table, document = tmp_path / "claims.csv", tmp_path / "claims.html"
    page.write(table, document, verdicts, "A, demo scale", {"rule": "judge"}, "networks")
    assert list(store.read_table(table, claims.COLUMNS)["verdict"]) == ["holds", "fails"]
    assert document.read_text(encoding="utf-8") == page.page(verdicts, "A, demo scale", "networks")
    assert capsys.readouterr().out == "A-1: holds (a < b)\nA-2: fails ()\n"


def test_only_columns_of_the_table_are_shown():
    assert set(page.SHOWN) <= set(claims.COLUMNS)
