"""Nothing that the workflow reads can run code, no name leads out of results/, and downloads are what was published."""

import ast
import contextlib
import io
import json
import pickle
import re
import tarfile
import urllib.request
import zipfile
from pathlib import Path

import h5py
import malicious_files
import numpy as np
import pytest
import safetensors.torch
import torch
import yaml
from tiny_datasets import WRITERS
from valid_config import VALID

from transferscope import activations, store
from transferscope.convergence import examples, excitations, units
from transferscope.data import datasets, downloads, tasks
from transferscope.data.checksum import verified_checksum
from transferscope.errors import InputError
from transferscope.figures.tas import figure1
from transferscope.models import weights, zoo
from transferscope.training import unfinished

WORKFLOW = Path(store.__file__).parents[2]
ROOT = WORKFLOW.parent


@pytest.fixture
def trap(tmp_path) -> Path:
    """The file that is there as soon as one of the `payloads` has run."""
    return tmp_path / "code ran"


@pytest.fixture
def payloads(trap) -> dict[str, bytes]:
    return malicious_files.payloads(trap)


def test_the_payloads_are_live(payloads, trap):
    for name in ("pickle", "old pickle"):
        pickle.loads(payloads[name])
        trap.unlink()
    for name in ("torch", "old torch", "torch that torch gives up"):
        torch.load(io.BytesIO(payloads[name]), weights_only=False)
        trap.unlink()
    np.load(io.BytesIO(payloads["numpy"]), allow_pickle=True)
    trap.unlink()


SMALL = {"library": "small", "name": "residual", "image_size": 28, "channels": 1, "options": {"width": 4}}


READERS = {
    "dataset.h5": verified_checksum,
    "task.h5": lambda path: tasks.load(path, {}, "train", seed=0),
    "activations.h5": activations.read,
    "similarity.h5": lambda path: figure1.read_changes(path, "cka"),
    "units.h5": units.read,
    "excitations.h5": excitations.read,
    "examples.h5": examples.read,
    "table.csv": store.read_table,
    "checkpoint.safetensors": store.read_checkpoint,
    "network.safetensors": zoo.load,
    **{
        f"weights{suffix}": lambda path: weights.local(SMALL | {"source": {"checkpoint": str(path)}})
        for suffix in (".pt", ".pth", ".safetensors")
    },
}


@pytest.mark.parametrize("name", READERS)
def test_no_reader_runs_what_a_file_holds(name, payloads, trap, tmp_path):
    path = tmp_path / name
    for payload, content in payloads.items():
        path.write_bytes(content)
        with pytest.raises(InputError, match=re.escape(name)):
            READERS[name](path)
        assert not trap.exists(), payload


@pytest.mark.parametrize(
    ("library", "name", "options"),
    [
        ("timm", "test_resnet", {"pretrained": True, "pretrained_cfg": {"url": "file://{evil}"}}),
        ("timm", "test_resnet", {"pretrained": True, "pretrained_cfg_overlay": {"url": "file://{evil}"}}),
        ("timm", "test_resnet", {"checkpoint_path": "{evil}"}),
        ("torchvision", "shufflenet_v2_x0_5", {"weights": "IMAGENET1K_V1"}),
    ],
)
def test_a_checkpoint_cannot_have_a_library_load_another_file(library, name, options, trap, tmp_path, monkeypatch):
    architecture = {"library": library, "name": name, "classes": 1000, "channels": 3, "image_size": 32}
    tensors = zoo.create(architecture).state_dict()
    evil, path = tmp_path / "evil.pth", tmp_path / "epoch1.safetensors"
    evil.write_bytes(malicious_files.that_torch_gives_up(trap))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    options = json.loads(json.dumps(options).replace("{evil}", str(evil)))
    store.write_checkpoint(path, tensors, {"architecture": architecture | {"options": options}})
    with pytest.raises(InputError, match=rf"{path} holds no network of ours: option '\w+' .* would load weights"):
        zoo.load(path)
    assert not trap.exists()


def test_an_unfinished_run_does_not_run_what_its_state_holds(payloads, trap, tmp_path):
    module = torch.nn.Linear(2, 2)
    for content in payloads.values():
        folder = tmp_path / "unfinished"
        folder.mkdir()
        (folder / unfinished.STATE).write_bytes(content)
        assert unfinished.restore_state(folder, "run", module, torch.optim.SGD(module.parameters())) is None
        assert not trap.exists() and not folder.exists()


@pytest.mark.parametrize("loader", WRITERS)
def test_no_loader_runs_what_a_datasets_files_hold(loader, payloads, trap, tmp_path, rng):
    folder = tmp_path / "data"
    WRITERS[loader](folder, rng)
    spec = {"loader": loader} | ({"domain": "clipart"} if loader == "DomainNet" else {})
    # one file of each kind
    files = {path.suffix: path for path in sorted(folder.rglob("*")) if path.is_file()}
    for path in files.values():
        whole = path.read_bytes()
        for payload in ("pickle", "old pickle", "torch", "numpy"):
            path.write_bytes(payloads[payload])
            # a list of names may be any text
            with contextlib.suppress(InputError):
                datasets.prepare(spec, folder, tmp_path / "out.h5", {})
            assert not trap.exists(), (path, payload)
        path.write_bytes(whole)
    datasets.prepare(spec, folder, tmp_path / "out.h5", {})


def test_a_picture_is_never_a_program_for_an_interpreter(tmp_path):
    folder = tmp_path / "images" / "cat"
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    with pytest.raises(InputError, match="cannot identify image file"):
        datasets.prepare({"loader": "ImageFolder"}, folder.parent, tmp_path / "out.h5", {})


@pytest.mark.parametrize(
    "odd",
    [
        {"kind": ["dataset", "dataset"]},
        {"kind": b"\xff"},
        {"kind": "dataset"},
        {"kind": "activations"},
        {"kind": "activations", "keep": "gram"},
    ],
    ids=str,
)
def test_hdf5_with_odd_contents_is_refused(odd, tmp_path):
    path = tmp_path / "odd.h5"
    with h5py.File(path, "w") as file:
        file.attrs.update(odd)
        file["labels"] = h5py.ExternalLink("/etc/passwd", "labels")
        file["layers"] = np.zeros(2)
        file["grams"] = np.zeros((2, 3, 3))
    for read in (READERS["task.h5"], READERS["activations.h5"]):
        with pytest.raises(InputError, match=r"odd.h5.*(delete it|Delete it)"):
            read(path)


@pytest.mark.parametrize("facts", ["[1]", "3", "{", "[" * 200_000], ids=["a list", "a number", "cut", "deep"])
def test_facts_that_are_none_are_refused(facts, tmp_path):
    with h5py.File(tmp_path / "odd.h5", "w") as file:
        file.attrs["kind"], file.attrs["facts"] = "dataset", facts[:1_000]
    table, checkpoint = tmp_path / "odd.csv", tmp_path / "odd.safetensors"
    table.write_text(f"# {facts}\na\n1\n")
    tensors = {"a": torch.zeros(1)}
    digest = store.tensor_digest(tensors, facts)
    safetensors.torch.save_file(tensors, checkpoint, metadata={"facts": facts, "digest": digest})
    with (
        pytest.raises(InputError, match=r"odd.h5 does not hold the facts"),
        store.open_hdf5(tmp_path / "odd.h5", "dataset") as file,
    ):
        store.read_facts(file)
    with pytest.raises(InputError, match=r"odd.csv is no table of this workflow"):
        store.read_table(table)
    with pytest.raises(InputError, match=r"odd.safetensors does not hold the facts"):
        store.read_checkpoint(checkpoint)


@pytest.mark.parametrize(
    "tag", ["object/apply:os.system [touch ran]", "object/new:os.system [touch ran]", "name:os.system"]
)
def test_a_config_with_a_tag_of_pythons_is_refused_and_not_run(tag, config_errors, tmp_path):
    (line,) = config_errors(f"scale: !!python/{tag}\n")
    assert line.startswith("config.yaml:1: no valid YAML: could not determine a constructor for the tag")
    assert not (tmp_path / "ran").exists()


# what could run what a file or a text holds, and how it may be called nevertheless
DANGEROUS = {"eval", "exec", "os.system", "np.load", "numpy.load", "torch.load", "yaml.load", "yaml.unsafe_load"}
PICKLERS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}


def test_no_line_of_the_workflow_could_run_what_a_file_holds():
    sources = [*WORKFLOW.rglob("*.py"), *(ROOT / "config").rglob("*.py")]
    assert len(sources) > 100
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text())):
            where = f"{path}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in PICKLERS:
                assert node.attr == "UnpicklingError", where
            if isinstance(node, ast.ImportFrom):
                assert node.module not in PICKLERS, where
            if isinstance(node, ast.Call) and ast.unparse(node.func) in DANGEROUS:
                assert ast.unparse(node).endswith("weights_only=True)"), where
            if isinstance(node, ast.keyword):
                assert node.arg not in ("allow_pickle", "shell"), where


# ---- names


HOSTILE = ("../x", "a/../../x", "/etc/x", "..", ".x", "x/", "x\n", "x;y", "$(x)", "a b", "~", "x\\y", "{x}", "*")


@pytest.mark.parametrize("section", ["datasets", "tasks", "models"])
def test_no_name_of_a_config_leads_out_of_results(section, config_errors):
    for name in HOSTILE:
        errors = config_errors(VALID, yaml.safe_dump({section: {name: {}}}))
        assert any("expected a name of letters" in line for line in errors), name
        errors = config_errors(VALID, values={section: {name: {}}})
        assert any("expected a name of letters" in line for line in errors), name


@pytest.mark.parametrize(
    "fragment",
    [
        "tasks: {first: {train: {split: ../../x}}}",
        "tasks: {first: {test: {split: /etc}}}",
        "datasets: {far: {loader: ../x}}",
        "datasets: {far: {loader: DomainNet, domain: ../x}}",
        "anb: {splits: {../x: {}}}",
        "tas: {targets: {../x: near}}",
        "tas: {models: [../x]}",
        "tas: {checkpoints: {steps: [../x]}}",
        "similarity: {seeds: [../x]}",
        "quanta: {controls: {sources: [../x]}}",
    ],
)
def test_no_other_text_of_a_config_becomes_a_path(fragment, config_errors):
    assert any("../x" in line or "'/etc'" in line for line in config_errors(VALID, fragment))


def test_no_rule_writes_outside_of_results():
    paths = []
    for path in (WORKFLOW / "rules").glob("*.smk"):
        texts = re.findall(r'"([^"\n]*)"', re.sub(r'""".*?"""|#[^\n]*', "", path.read_text(), flags=re.DOTALL))
        elsewhere = ("../scripts/", "../../envs/", "../report/")
        # what a rule says to its user has spaces
        paths += [text for text in texts if "/" in text and " " not in text and not text.startswith(elsewhere)]
    assert len(paths) > 100
    # `others` are no files that are written: keys of the config; nor are patterns
    written = ("results/", "{DUMPS}/", "seed{seed}/")
    others = ("datasets/{", "tasks/{", "models/{")
    assert [path for path in paths if not path.startswith(written + others) and "*" not in path] == []


@pytest.mark.parametrize("option", zoo.WEIGHTS_OPTIONS)
def test_options_of_a_model_cannot_fetch_or_load_weights_unchecked(option, config_errors):
    fragment = f"models: {{net: {{options: {{{option}: x}}}}}}"
    (error,) = config_errors(VALID, fragment)
    assert f"models.net.options.{option}: expected an argument that names no weights" in error


# ---- downloads


def test_every_dataset_is_fetched_over_https_checked_and_put_where_it_belongs():
    remotes = [remote for loader in datasets.LOADERS.values() for remote in loader.remotes]
    assert len(remotes) == 16
    for remote in remotes:
        assert remote.url.startswith("https://")
        assert re.fullmatch(r"[0-9a-f]{32}", remote.md5)
        assert not Path(remote.gives).is_absolute() and ".." not in Path(remote.gives).parts
    assert len({remote.md5 for remote in remotes}) == len(remotes)


def test_all_weights_are_fetched_over_https_and_checked():
    import timm
    from torchvision import models

    urls = [choice.url for name in models.list_models(module=models) for choice in models.get_model_weights(name)]
    published = [timm.get_pretrained_cfg(name) for name in timm.list_models(pretrained=True)]
    # those of the hub come by https, and their files are called by their digest
    urls += [each.url for each in published if not each.hf_hub_id]
    assert len(urls) > 100
    assert all(url.startswith("https://") for url in urls)
    unchecked = [url for url in urls if not re.search(weights.PROMISED_DIGEST, Path(url).stem)]
    assert all("ijepa" in url for url in unchecked) and unchecked


def test_weights_that_cannot_be_checked_are_refused_before_they_are_fetched(tmp_path):
    source = {"weights": "in1k_ijepa"}
    model = {"library": "timm", "name": "vit_huge_patch14_gap_224", "image_size": 224, "source": source}
    with pytest.raises(InputError, match=r"https://.*cannot be checked, as no digest of it is published"):
        weights.published(model, tmp_path)


def test_a_download_stays_encrypted():
    handler, request = downloads._Encrypted(), urllib.request.Request("https://example.org/data.zip")
    follow = handler.redirect_request
    assert follow(request, None, 302, "", {}, "https://elsewhere.org/data.zip").full_url.startswith("https")
    with pytest.raises(urllib.error.URLError, match=r"http://elsewhere.org/data.zip, which is not https"):
        follow(request, None, 302, "", {}, "http://elsewhere.org/data.zip")


def tar_of(*members: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for member in members:
            content = b"" if member.issym() or member.islnk() else b"evil"
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize(
    "members",
    [
        [member("../../evil")],
        [member("data/../../../evil")],
        [member("out", tarfile.SYMTYPE, "../.."), member("out/evil")],
        [member("out", tarfile.LNKTYPE, "../../secret"), member("out")],
        [member("device", tarfile.CHRTYPE)],
    ],
    ids=["up", "down and up", "by a link", "by a hard link", "a device"],
)
def test_a_tar_cannot_reach_outside_of_its_folder(members, tmp_path):
    folder = tmp_path / "root/unfinished/folder"
    folder.mkdir(parents=True)
    (tmp_path / "root/secret").write_text("secret")
    archive = folder / "data.tar.gz"
    archive.write_bytes(tar_of(*members))
    with pytest.raises(InputError, match=r"data.tar.gz cannot be unpacked .* run again, and if"):
        downloads._unpack(archive, folder)
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(folder)]
    assert outside == [tmp_path / "root/secret"] and outside[0].read_text() == "secret"


@pytest.mark.parametrize("name", ["../../evil", "/tmp/../evil", "data/../../../evil"])
def test_a_zip_cannot_reach_outside_of_its_folder(name, tmp_path):
    folder = tmp_path / "root/unfinished/folder"
    folder.mkdir(parents=True)
    archive = folder / "data.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr(name, "evil")
    downloads._unpack(archive, folder)
    (found,) = (path for path in tmp_path.rglob("evil") if path.is_file())
    assert found.is_relative_to(folder)
