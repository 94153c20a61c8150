"""After `make figures`: is every result there, whole, and not blank?"""

import csv
import struct
import sys
from pathlib import Path

RESULTS = Path("results")
FIGURES = {
    "tas": ("table1", "figure1", "figure1_debiased", "figure2"),
    "similarity": ("figure1", "figure2", "figure3", "figure4", "figure5", "estimators", "controls"),
    "anb": ("figure2", "figure3", "decomposition", "table1"),
    "quanta": ("figure3", "figure4", "figure5", "controls", "sensitivity", "table1", "joint"),
    "convergent": ("figure1", "filters", "correlations", "layers", "patches", "mapping", "clusters"),
    "basins": (
        *("figure2", "figure3", "curves", "figure4", "figure5", "figure6", "figure6_loss", "figure7"),
        *("mistakes", "profile", "table1", "table2", "distances", "numbers"),
    ),
}
CLAIMS = {
    "tas": {f"TAS-{number}" for number in range(1, 8)},
    "similarity": {f"GO-{number}" for number in range(1, 19)},
    "anb": {f"YO-{number}" for number in range(1, 13)},
    "quanta": {
        *(f"QU-{number}" for number in range(1, 14)),
        *(f"QU-C{number}" for number in range(1, 5)),
        *(f"J-{number}" for number in range(1, 4)),
    },
    "convergent": {*(f"CL-{number}" for number in range(1, 10)), "CL-U"},
    "basins": {f"NE-{number}" for number in range(1, 18)},
}


def png_is_drawn(path: Path) -> bool:
    """Is it a PNG of a printable size with more than a blank page's worth of content?"""
    content = path.read_bytes()
    if content[:8] != b"\x89PNG\r\n\x1a\n":
        return False
    width, height = struct.unpack(">II", content[16:24])
    return width > 600 and height > 200 and len(content) > width * height / 200


def problems() -> list[str]:
    """What is missing or empty, a line each."""
    found = []
    for paper, names in FIGURES.items():
        for name in names:
            picture = RESULTS / paper / "figures" / f"{name}.png"
            if not picture.is_file() or not png_is_drawn(picture):
                found.append(f"{picture}: missing or blank")
            page = picture.with_suffix(".pdf")
            if not page.is_file() or not page.read_bytes().startswith(b"%PDF"):
                found.append(f"{page}: missing or no PDF")
    for paper, claims in CLAIMS.items():
        path = RESULTS / paper / "claims.csv"
        with open(path) as stream:
            rows = list(csv.DictReader(line for line in stream if not line.startswith("#")))
        judged = {row["claim"].rstrip("abcr") for row in rows if row["verdict"]}
        if judged != claims:
            found.append(f"{path}: expected a verdict on each of {sorted(claims)}, found {sorted(judged)}")
    report = RESULTS / "report.html"
    pictures = [f"{paper}/figures/{name}.png" for paper, names in FIGURES.items() for name in names]
    if not report.is_file() or any(picture not in report.read_text() for picture in pictures):
        found.append(f"{report}: missing, or without a figure")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(problems()) or None)
