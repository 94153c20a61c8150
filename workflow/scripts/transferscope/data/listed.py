"""Published datasets whose images and labels a list names, line by line: DomainNet and CheXpert."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from transferscope.data.collection import Collection, Part, decoding
from transferscope.data.pictures import read_picture

DOMAINS = ("clipart", "infograph", "painting", "quickdraw", "real", "sketch")
# as CheXpert's lists head their columns; the first five are those that its authors, and Neyshabur et al., compare
FINDINGS = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion"),
    *("No Finding", "Enlarged Cardiomediastinum", "Lung Opacity", "Lung Lesion", "Pneumonia", "Pneumothorax"),
    *("Pleural Other", "Fracture", "Support Devices"),
)
DOMAINNET_REMEDY = (
    "DomainNet's terms allow research only, so it is not fetched automatically. From ai.bu.edu/M3SDA take a domain's "
    "archive and its two lists (cleaned version) and put <domain>/<class>/<image>, <domain>_train.txt and "
    "<domain>_test.txt there"
)
CHEXPERT_REMEDY = (
    "CheXpert cannot be fetched automatically, its terms ask each user to register at "
    "stanfordmlgroup.github.io/competitions/chexpert. Unpack the smaller version's archive, CheXpert-v1.0-small.zip, "
    "to CheXpert-v1.0-small/train.csv, CheXpert-v1.0-small/valid.csv and the folders train and valid beside them there"
)


def domainnet(folder: Path, domain: str, size: int = 256) -> Collection:
    """One domain of DomainNet (Peng et al. 2019): images of 345 classes, in its official splits.

    domain: one of DOMAINS. The lists {domain}_train.txt and {domain}_test.txt name an image a line, relative to the
    folder, and the number of its class, as in "real/aircraft_carrier/real_001_000001.jpg 0".
    """
    if domain not in DOMAINS:
        raise ValueError(f"domain is '{domain}', expected one of {', '.join(DOMAINS)}")
    listed = {split: _read_domain_list(folder / f"{domain}_{split}.txt", domain) for split in ("train", "test")}
    names: dict[int, str] = {}
    for paths, labels in listed.values():
        for path, label in zip(paths, labels, strict=True):
            name = Path(path).parts[-2]
            if names.setdefault(label, name) != name:
                raise ValueError(f"{path} has the label {label}, which is that of class {names[label]} elsewhere")
    if sorted(names) != list(range(len(names))):
        raise ValueError(
            f"the labels of {domain} are no numbers from 0 without a gap: the first are {sorted(names)[:5]}"
        )
    parts = [_part(split, folder, *found, size) for split, found in listed.items()]
    return Collection([names[label] for label in range(len(names))], parts, f"DomainNet, {domain} (Peng et al. 2019)")


def _read_domain_list(file: Path, domain: str) -> tuple[list[str], list[int]]:
    """The images that a list of DomainNet names, relative to its folder, and their labels."""
    paths, labels = [], []
    with decoding(file):
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            path, _, label = line.rpartition(" ")
            if not label.isdecimal() or Path(path).parts[:-2] != (domain,):
                raise ValueError(f"line {number} is '{line[:60]}', expected '{domain}/<class>/<image> <number>'")
            paths.append(path)
            labels.append(int(label))
        if not paths:
            raise ValueError("it names no image")
    return paths, labels


def chexpert(folder: Path, finding: str = "Pleural Effusion", uncertain: str = "zeros", size: int = 256) -> Collection:
    """CheXpert (Irvin et al. 2019), smaller version: 223,414 + 234 chest radiographs, with or without one finding.

    The dataset has fourteen findings, of which an image may show several, and a classifier has one label an image: it
    is whether the image shows `finding`, one of FINDINGS; 0 (absent) where the reports do not mention it.
    uncertain: what a finding counts as that the reports call uncertain (-1): "zeros", absent, or "ones", present.
    Splits: "train" and "val", from train.csv and valid.csv. The images are grey.
    """
    if finding not in FINDINGS:
        raise ValueError(f"finding is '{finding}', expected one of {', '.join(FINDINGS)}")
    if uncertain not in ("zeros", "ones"):
        raise ValueError(f"uncertain is '{uncertain}', expected zeros or ones")
    labels = {"": 0, "0.0": 0, "1.0": 1, "-1.0": int(uncertain == "ones")}
    parts = []
    for split, name in (("train", "train"), ("val", "valid")):
        file = folder / "CheXpert-v1.0-small" / f"{name}.csv"
        with decoding(file), open(file, newline="", encoding="utf-8") as stream:
            rows = [(row["Path"], labels[row[finding]]) for row in csv.DictReader(stream)]
            paths, found = zip(*rows, strict=True)
        parts.append(_part(split, folder, paths, found, size, grey=True))
    source = f"CheXpert, smaller version, {finding}, uncertain as {uncertain} (Irvin et al. 2019)"
    return Collection(["absent", "present"], parts, source)


def _part(split: str, folder: Path, paths: Sequence[str], labels: Sequence[int], size: int, grey: bool = False) -> Part:
    """Images at paths relative to a folder, with their labels; grey ones keep one of three equal channels."""
    # a list without images is better noticed now than in a job hours later
    for path in (paths[0], paths[-1]):
        if not (folder / path).is_file():
            raise ValueError(f"{folder / path}, which its list names, is missing")

    def read(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        images = np.stack([read_picture(str(folder / path), size) for path in paths[start:stop]])
        return images[..., :1] if grey else images, np.array(labels[start:stop], np.int64)

    return Part(split, len(paths), read)
