"""Where published datasets are fetched from, and how: checked by MD5, unpacked, and there whole or not at all."""

import gzip
import http.client
import shutil
import urllib.error
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from transferscope import provenance
from transferscope.errors import InputError


@dataclass(frozen=True)
class Remote:
    """A published file.

    url:   its address.
    md5:   the MD5 that its publisher (or torchvision) states.
    gives: what it leaves behind, a file or a folder, relative to the dataset's folder; where its name is another than
           the address's, the file is an archive that holds it.
    """

    url: str
    md5: str
    gives: str


FASHION_MNIST = tuple(
    Remote(f"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/{name}", md5, f"FashionMNIST/raw/{name}")
    for name, md5 in (
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    )
)
CIFAR10 = (
    Remote(
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "c32a1d4ab5d03f1284b67883e8d87530",
        "cifar-10-batches-bin",
    ),
)
CIFAR100 = (
    Remote(
        "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        "03b5dce01913d631647c71ecec9e9cb8",
        "cifar-100-binary",
    ),
)
SVHN = tuple(
    Remote(f"http://ufldl.stanford.edu/housenumbers/{name}", md5, name)
    for name, md5 in (
        ("train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373"),
        ("test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3"),
    )
)
# the authors' record, where torchvision's Google Drive copies need another package and hit its quota
PCAM = tuple(
    Remote(
        f"https://zenodo.org/records/2546921/files/camelyonpatch_level_2_split_{name}.h5.gz?download=1",
        md5,
        f"pcam/camelyonpatch_level_2_split_{name}.h5",
    )
    for name, md5 in (
        ("train_x", "1571f514728f59376b705fc836ff4b63"),
        ("train_y", "35c2d7259d906cfc8143347bb8e05be7"),
        ("valid_x", "d5b63470df7cfa627aeec8b9dc0c066e"),
        ("valid_y", "2b85f58b927af9964a4c15b8f7e8f179"),
        ("test_x", "d8c2d60d490dbd479f8199bdfa0cf6ec"),
        ("test_y", "60a7035772fbdb7f34eb86d4420cf66a"),
    )
)
EUROSAT = (
    Remote(
        "https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
        "c8fa014336c82ac7804f0398fcb19387",
        "eurosat/2750",
    ),
)
DTD = (
    Remote(
        "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz",
        "fff73e5086ae6bdbea199a49dfb8a4c1",
        "dtd/dtd",
    ),
)


def fetch(remote: Remote, folder: Path) -> None:
    """Put what `remote` gives into `folder`, unless it is there already.

    It is fetched and unpacked beside its place and moved there at the end, so that what is there is whole.
    Raises InputError without network, or when what arrives is not the published file.
    """
    from torchvision.datasets.utils import download_url

    target = folder / remote.gives
    if target.exists():
        return
    unfinished = target.parent / f".unfinished-{target.name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    name = Path(urlparse(remote.url).path).name
    try:
        download_url(remote.url, unfinished, name, remote.md5)
    # torchvision raises a RuntimeError when the MD5 is another
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, RuntimeError) as error:
        raise InputError(
            f"cannot fetch {remote.url} ({error}): run this step on a machine with internet access, or get the file "
            f"(MD5 {remote.md5}) by other means and put its content at {target}"
        ) from error
    if name != target.name:
        _unpack(unfinished / name, unfinished)
    (unfinished / target.name).rename(target)
    shutil.rmtree(unfinished)


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack a .tar.gz, a .zip, or a single gzipped file of any size."""
    from torchvision.datasets.utils import extract_archive

    if archive.suffix == ".gz" and archive.suffixes[-2:] != [".tar", ".gz"]:
        # torchvision would hold all of it in memory
        with gzip.open(archive) as source, open(folder / archive.stem, "wb") as target:
            shutil.copyfileobj(source, target, 2**24)
    else:
        extract_archive(str(archive), str(folder))


def manifest(remotes: Iterable[Remote], folder: Path) -> dict[str, str]:
    """SHA-256 of every file that `remotes` have given, by path relative to `folder`."""
    files = []
    for remote in remotes:
        target = folder / remote.gives
        files += sorted(path for path in target.rglob("*") if path.is_file()) if target.is_dir() else [target]
    return {str(file.relative_to(folder)): provenance.file_digest(file) for file in files}
