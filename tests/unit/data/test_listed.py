"""Datasets that lists name: their splits and labels are those of the lists, and a wrong list is refused."""

import pytest
from tiny_datasets import prepared, split_of, write_chexpert, write_domainnet

from transferscope.data import datasets
from transferscope.errors import InputError


def test_domainnet_has_the_splits_and_class_numbers_of_its_lists(tmp_path, rng):
    write_domainnet(tmp_path, rng)
    content = prepared({"loader": "DomainNet", "domain": "clipart", "size": 24}, tmp_path, tmp_path / "out.h5")
    assert list(content["class_names"]) == ["axe", "zebra", "mug"]
    for split, expected in (("train", [1, 0, 0]), ("test", [1, 2])):
        images, labels = split_of(content, split)
        assert labels == expected
        for image, label in zip(images, labels, strict=True):
            assert image.mean(axis=(0, 1)) == pytest.approx((80 * label, 250 - 80 * label, 9), abs=4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "clipart/axe/a.jpg\n",
            r"clipart_train.txt is missing, damaged .* \(line 1 is 'clipart/axe/a.jpg', expected 'cl",
        ),
        ("real/axe/a.jpg 0\n", "line 1 is 'real/axe/a.jpg 0', expected 'clipart/<class>/<image> <number>'"),
        ("clipart/axe/a.jpg -1\n", "line 1 is 'clipart/axe/a.jpg -1', expected"),
        ("", "it names no image"),
        ("clipart/axe/a.jpg 1\n", "zebra.* has the label 1, which is that of class axe elsewhere"),
        ("clipart/axe/a.jpg 7\n", r"no numbers from 0 without a gap: the first are \[1, 2, 7\]"),
        ("clipart/axe/a.jpg 0\n", "clipart/axe/a.jpg, which its list names, is missing"),
    ],
)
def test_a_list_of_domainnet_that_is_not_one_is_refused(text, message, tmp_path, rng):
    write_domainnet(tmp_path, rng)
    (tmp_path / "clipart_train.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        datasets.download({"loader": "DomainNet", "domain": "clipart"}, tmp_path)


def test_a_domain_or_a_finding_that_does_not_exist_is_refused(tmp_path):
    for spec, message in (
        ({"loader": "DomainNet", "domain": "photo"}, "domain is 'photo', expected one of clipart, infograph"),
        ({"loader": "CheXpert", "finding": "Cold"}, "finding is 'Cold', expected one of Atelectasis"),
        ({"loader": "CheXpert", "uncertain": "half"}, "uncertain is 'half', expected zeros or ones"),
    ):
        with pytest.raises(InputError, match=message):
            datasets.download(spec, tmp_path)


def test_chexpert_labels_whether_one_finding_is_present_and_uncertain_ones_as_asked(tmp_path, rng):
    write_chexpert(tmp_path, rng)
    for options, train, valid in (
        ({}, [1, 0, 0, 0], [0, 1]),
        ({"uncertain": "ones"}, [1, 0, 1, 0], [0, 1]),
        ({"finding": "Edema"}, [1, 1, 1, 1], [1, 1]),
    ):
        content = prepared({"loader": "CheXpert", "size": 16} | options, tmp_path, tmp_path / "out.h5")
        assert list(content["class_names"]) == ["absent", "present"]
        images, labels = split_of(content, "train")
        assert labels == train and split_of(content, "val")[1] == valid
        assert images.shape == (4, 16, 16, 1)
        assert images.mean(axis=(1, 2, 3)) == pytest.approx([0, 40, 80, 120], abs=2)


def test_a_list_of_chexpert_with_other_columns_or_values_is_refused(tmp_path, rng):
    write_chexpert(tmp_path, rng)
    file = tmp_path / "CheXpert-v1.0-small/train.csv"
    text = file.read_text()
    for wrong in (text.replace("Pleural Effusion", "Effusion"), text.replace("-1.0", "2.0")):
        file.write_text(wrong)
        with pytest.raises(InputError, match=r"train.csv is missing, damaged or of another format"):
            datasets.download({"loader": "CheXpert"}, tmp_path)
