"""Where published datasets are fetched from, and how: checked by digest, unpacked, and there whole or not at all."""

import glob
import gzip
import hashlib
import http.client
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from transferscope import provenance
from transferscope.errors import InputError

# a server that says nothing for so long will not answer any more
SECONDS_OF_SILENCE = 60


@dataclass(frozen=True)
class Remote:
    """A published file.

    url:    its address.
    size:   in bytes; this and sha256 as TensorFlow Datasets records them of the same files.
    sha256: its digest.
    md5:    another digest, which its publisher (or torchvision) states.
    gives:  what it leaves behind, a file or a folder, relative to the dataset's folder; where its name is another than
            the address's, the file is an archive that holds it.
    """

    url: str
    size: int
    sha256: str
    md5: str
    gives: str


# the publisher's repository, at its last commit: the bucket that its page names speaks no https
_FASHION_MNIST = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion"
_SVHN = "https://ufldl.stanford.edu/housenumbers"
# the authors' record, where torchvision's Google Drive copies need another package and hit its quota
_PCAM = "https://zenodo.org/records/2546921/files/camelyonpatch_level_2_split"

# by the loader that reads what they give
REMOTES = {
    "FashionMNIST": tuple(
        Remote(f"{_FASHION_MNIST}/{name}", size, sha256, md5, f"FashionMNIST/raw/{name}")
        for name, size, sha256, md5 in (
            (
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            ),
            (
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "25c81989df183df01b3e8a0aad5dffbe",
            ),
            (
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "bef4ecab320f06d8554ea6380940ec79",
            ),
            (
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ),
        )
    ),
    "CIFAR10": (
        Remote(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            "c32a1d4ab5d03f1284b67883e8d87530",
            "cifar-10-batches-bin",
        ),
    ),
    "CIFAR100": (
        Remote(
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            168_513_733,
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            "03b5dce01913d631647c71ecec9e9cb8",
            "cifar-100-binary",
        ),
    ),
    "SVHN": (
        Remote(
            f"{_SVHN}/train_32x32.mat",
            182_040_794,
            "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
            "e26dedcc434d2e4c54c9b2d4a06d8373",
            "train_32x32.mat",
        ),
        Remote(
            f"{_SVHN}/test_32x32.mat",
            64_275_384,
            "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
            "eb5a983be6a315427106f1b164d9cef3",
            "test_32x32.mat",
        ),
    ),
    "PCAM": tuple(
        Remote(f"{_PCAM}_{name}.h5.gz?download=1", size, sha256, md5, f"pcam/camelyonpatch_level_2_split_{name}.h5")
        for name, size, sha256, md5 in (
            (
                "train_x",
                6_421_353_462,
                "d619e741468a7ab35c7e4a75e6821b7e7e6c9411705d45708f2a0efc8960656c",
                "1571f514728f59376b705fc836ff4b63",
            ),
            (
                "train_y",
                21_378,
                "b74126d2c01b20d3661f9b46765d29cf4e4fba6faba29c8e0d09d406331ab75a",
                "35c2d7259d906cfc8143347bb8e05be7",
            ),
            (
                "valid_x",
                805_965_320,
                "f82ee1670d027b4ec388048d9eabc2186b77c009655dae76d624c0ecb053ccb2",
                "d5b63470df7cfa627aeec8b9dc0c066e",
            ),
            (
                "valid_y",
                3_038,
                "ce1ae30f08feb468447971cfd0472e7becd0ad96d877c64120c72571439ae48c",
                "2b85f58b927af9964a4c15b8f7e8f179",
            ),
            (
                "test_x",
                800_875_929,
                "79174c2201ad521602a5888be8f36ee10875f37403dd3f2086caf2182ef87245",
                "d8c2d60d490dbd479f8199bdfa0cf6ec",
            ),
            (
                "test_y",
                3_040,
                "0a522005fccc8bbd04c5a117bfaf81d8da2676f03a29d7499f71d0a0bd6068ef",
                "60a7035772fbdb7f34eb86d4420cf66a",
            ),
        )
    ),
    "EuroSAT": (
        Remote(
            "https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
            94_280_567,
            "8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd",
            "c8fa014336c82ac7804f0398fcb19387",
            "eurosat/2750",
        ),
    ),
    "DTD": (
        Remote(
            "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz",
            625_239_812,
            "e42855a52a4950a3b59612834602aa253914755c95b0cff9ead6d07395f8e205",
            "fff73e5086ae6bdbea199a49dfb8a4c1",
            "dtd/dtd",
        ),
    ),
}


def fetch(remote: Remote, folder: Path) -> None:
    """Put what `remote` gives into `folder`, unless it is there already.

    It is fetched and unpacked beside its place and moved there at the end, so that what is there is whole. Several may
    fetch the same at once, each in a folder of its own: the first to end gives it to all. What one that was killed left
    behind cannot be told from what another machine is at work on, and so is named and not deleted.
    Raises InputError without network, or when what arrives is not the published file.
    """
    target = folder / remote.gives
    if target.exists():
        return
    prefix = f".unfinished-{target.name}-"
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in sorted(target.parent.glob(f"{glob.escape(prefix)}*")):
        print(f"{left} is another download's: if none is at work, it was killed, and the folder is yours to delete")
    unfinished = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    file = unfinished / Path(urlparse(remote.url).path).name
    try:
        _download(remote, file)
        if file.name != target.name:
            _unpack(file, unfinished)
        _publish(unfinished / target.name, target)
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise InputError(
            f"cannot fetch {remote.url} ({error}): run this step on a machine with internet access, or get the file "
            f"(SHA-256 {remote.sha256}) by other means and put its content at {target}"
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _publish(made: Path, target: Path) -> None:
    """Move a file or folder to its place, unless another has come there first: it is of the same published file."""
    try:
        made.rename(target)
    except OSError:
        if not target.exists():
            raise


class _Encrypted(urllib.request.HTTPRedirectHandler):
    """Follows no redirect that leads from https to something that anyone on the way could change."""

    def redirect_request(self, request, *arguments):
        redirected = super().redirect_request(request, *arguments)
        if request.type == "https" and redirected.type != "https":
            raise urllib.error.URLError(f"it is redirected to {redirected.full_url}, which is not https")
        return redirected


def _download(remote: Remote, path: Path) -> None:
    """Fetch a file. torchvision's own function would try http where https fails."""
    request = urllib.request.Request(remote.url, headers={"User-Agent": "transferscope"})
    opener = urllib.request.build_opener(_Encrypted)
    with opener.open(request, timeout=SECONDS_OF_SILENCE) as response, open(path, "wb") as file:
        shutil.copyfileobj(response, file, 2**20)
    for digest, published in (("sha256", remote.sha256), ("md5", remote.md5)):
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, digest).hexdigest()
        if found != published:
            raise urllib.error.URLError(f"it is not the published file: its {digest} is {found}, expected {published}")


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack a .tar.gz, a .zip, or a single gzipped file of any size; nothing of it can land outside of `folder`."""
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as content:
                content.extractall(folder)
        elif archive.suffixes[-2:] == [".tar", ".gz"]:
            with tarfile.open(archive) as content:
                content.extractall(folder, filter="data")
        else:
            with gzip.open(archive) as content, open(folder / archive.stem, "wb") as target:
                shutil.copyfileobj(content, target, 2**24)
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError) as error:
        raise InputError(
            f"{archive.name} cannot be unpacked ({error}), though it is the published file: run again, and if that is "
            "of no use, unpack it by other means and put its content into the dataset's `root`"
        ) from error


def manifest(remotes: Iterable[Remote], folder: Path) -> dict[str, str]:
    """SHA-256 of every file that `remotes` have given, by path relative to `folder`."""
    files = []
    for remote in remotes:
        target = folder / remote.gives
        files += sorted(path for path in target.rglob("*") if path.is_file()) if target.is_dir() else [target]
    return {str(file.relative_to(folder)): provenance.file_digest(file) for file in files}
