"""The verdicts on a paper's claims, written as a table and as a page of HTML, to be read in the report."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from transferscope import claims, store

COLOURS = {"holds": "#0072B2", "mean only": "#b8860b", "fails": "#b33c00"}
# what a reader asks first: which claim, in whose words, what came of it; the rest stays in the table
SHOWN = (
    *("claim", "statement", "verdict", "measure", "effect", "low", "high", "support", "debiased_verdict", "tested"),
    "note",
)
STYLE = (
    "body{font:14px/1.45 sans-serif;color:#222;margin:2em}table{border-collapse:collapse}"
    "th,td{text-align:left;vertical-align:top;padding:.5em .8em;border-bottom:1px solid #ddd}"
    "th{border-bottom:2px solid #555}td:first-child,td.number{white-space:nowrap}td.number{text-align:right}"
    "caption{text-align:left;margin-bottom:1em}"
)


def write(
    csv: str | Path,
    document: str | Path,
    verdicts: Sequence[Mapping],
    title: str,
    facts: Mapping,
    resampled: str = "seeds",
) -> None:
    """Write verdicts to a table and to a page, and print them.

    csv, document: where the two go. verdicts: rows with the keys `claims.COLUMNS`. title, resampled: as in `page`.
    facts: of the table.
    """
    store.write_table(csv, claims.COLUMNS, verdicts, facts)
    with store.atomic_path(document) as temporary:
        temporary.write_text(page(verdicts, title, resampled), encoding="utf-8")
    for verdict in verdicts:
        print(f"{verdict['claim']}: {verdict['verdict']} ({verdict['statement']})")


def page(rows: Sequence[Mapping], title: str, resampled: str = "seeds") -> str:
    """A complete HTML document with one line a claim; verdicts are set apart by colour and by weight.

    rows: with the keys `claims.COLUMNS`, as they are written to claims.csv. title: the paper and the scale. resampled:
    what the bootstrap draws. There is no column of verdicts by debiased CKA where no claim has one.
    """
    shown = [name for name in SHOWN if name != "debiased_verdict" or any(row[name] is not None for row in rows)]
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in shown)
    body = "\n".join(f"<tr>{''.join(_cell(name, row[name]) for name in shown)}</tr>" for row in rows)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><table><caption><b>{html.escape(title)}</b><br>low, high: 95 % bootstrap interval of "
        f"the effect over {resampled}; support: share of the resamples in which the claim is true</caption>\n"
        f"<tr>{head}</tr>\n{body}\n</table></html>\n"
    )


def _cell(name: str, value: object) -> str:
    if isinstance(value, float):
        return f'<td class="number">{value:.3g}</td>'
    text = html.escape("" if value is None else str(value))
    if name == "verdict":
        text = f'<b style="color:{COLOURS.get(value, "#595959")}">{text}</b>'
    return f"<td>{text}</td>"
