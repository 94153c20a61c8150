"""Published and local weights, made to fit an architecture."""

import dataclasses
import hashlib
import re
from pathlib import Path

import malicious_files
import pytest
import safetensors.torch
import torch

from transferscope import store
from transferscope.errors import InputError
from transferscope.models import weights, zoo

SMALL = {"library": "small", "name": "residual", "image_size": 28, "channels": 1, "options": {"width": 4}}
NORMALISATION = {"mean": [0.25], "std": [0.5]}


def network(model: dict, classes: int = 1000) -> torch.nn.Module:
    torch.manual_seed(0)
    return zoo.create(zoo.architecture(model, classes))


def assert_same(found: dict, expected: dict) -> None:
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def on_server(folder: Path, name: str, content: dict | bytes) -> Path:
    """A torch file of these tensors, or of these bytes, that is called by its digest, as libraries publish them."""
    written = folder / "server"
    if isinstance(content, bytes):
        written.write_bytes(content)
    else:
        torch.save(content, written)
    digest = hashlib.sha256(written.read_bytes()).hexdigest()
    return written.rename(folder / f"{name}-{digest[:8]}.pth")


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Publish tensors, or a file's bytes, as torchvision's weights of a network, at an address on this machine.

    The real ones lie on a server; all but the address is as it is there.
    """
    from torchvision import models

    def publish(name: str, content: dict | bytes) -> Path:
        choice = models.get_model_weights(name).IMAGENET1K_V1
        written = on_server(tmp_path, name, content)
        monkeypatch.setattr(choice.value, "url", written.as_uri())
        return written

    return publish


def from_torchvision(name: str) -> dict:
    return {"library": "torchvision", "name": name, "image_size": 64, "source": {"weights": "IMAGENET1K_V1"}}


def test_torchvisions_weights_come_with_their_classes_normalisation_and_digest(publish, tmp_path):
    model = from_torchvision("shufflenet_v2_x0_5")
    expected = network(model).state_dict()
    written = publish(model["name"], expected)
    for _ in "once fetched, then there":
        tensors, facts = weights.published(model, tmp_path / "downloads")
        written.unlink(missing_ok=True)
    assert_same(tensors, expected)
    assert facts["architecture"] == {
        **{"library": "torchvision", "name": "shufflenet_v2_x0_5", "options": {}},
        **{"classes": 1000, "channels": 3, "image_size": 64},
    }
    assert facts["normalisation"] == {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    ((name, digest),) = facts["weights"]["sha256"].items()
    assert name == written.name
    assert digest == hashlib.sha256((tmp_path / "downloads" / name).read_bytes()).hexdigest()


def test_the_old_names_in_a_dense_networks_file_become_todays(publish, tmp_path):
    model = from_torchvision("densenet121")
    expected = network(model).state_dict()
    old = {re.sub(r"(layer\d+\.(norm|conv))([12])", r"\1.\3", name): tensor for name, tensor in expected.items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    publish("densenet121", old)
    assert_same(weights.published(model, tmp_path / "downloads")[0], expected)


def test_damaged_or_unreachable_weights_are_refused(publish, tmp_path):
    model, folder = from_torchvision("shufflenet_v2_x0_5"), tmp_path / "downloads"
    tensors = network(model).state_dict()
    written = publish(model["name"], tensors)
    content = written.read_bytes()
    written.unlink()
    with pytest.raises(
        InputError, match=r"cannot fetch the weights IMAGENET1K_V1 .* on a machine with internet access"
    ):
        weights.published(model, folder)
    # on its way
    torch.save({name: tensor + 1 for name, tensor in tensors.items()}, written)
    with pytest.raises(InputError, match=r"cannot fetch the weights .*\(invalid hash value"):
        weights.published(model, folder)
    # and later, on this machine
    written.write_bytes(content)
    weights.published(model, folder)
    (folder / written.name).write_bytes(content[:-2000])
    with pytest.raises(InputError, match=rf"{written.name} is damaged \(its SHA-256 is .*delete it"):
        weights.published(model, folder)


@pytest.fixture
def publish_by_timm(tmp_path, monkeypatch):
    """Likewise as weights of timm's that are not on its hub."""
    from timm.models import _registry

    def publish(name: str, content: dict | bytes) -> Path:
        written = on_server(tmp_path, name, content)
        weights = dataclasses.replace(_registry.get_pretrained_cfg(f"{name}.in1k"), url=written.as_uri())
        assert not weights.hf_hub_id
        monkeypatch.setitem(_registry._model_pretrained_cfgs, f"{name}.in1k", weights)
        return written

    return publish


OFF_HUB = {"library": "timm", "name": "legacy_seresnet18", "image_size": 64, "source": {"weights": "in1k"}}


def test_timms_weights_that_are_not_on_its_hub_are_fetched_checked_and_adapted(publish_by_timm, tmp_path):
    expected = network(OFF_HUB).state_dict()
    written = publish_by_timm(OFF_HUB["name"], expected)
    for _ in "once fetched, then there":
        tensors, facts = weights.published(OFF_HUB, tmp_path / "downloads")
        written.unlink(missing_ok=True)
        assert_same(tensors, expected)
    assert list(facts["weights"]["sha256"]) == [written.name]
    grey, _ = weights.published(OFF_HUB | {"channels": 1}, tmp_path / "downloads")
    assert grey["layer0.conv1.weight"].shape[1] == 1
    (tmp_path / "downloads" / written.name).unlink()
    torch.save({}, written)
    with pytest.raises(InputError, match=r"cannot fetch the weights in1k .*\(invalid hash value"):
        weights.published(OFF_HUB, tmp_path / "downloads")


@pytest.mark.parametrize("payload", ["torch", "old torch", "torch that torch gives up"])
@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_published_weights_run_nothing_that_they_hold(library, payload, publish, publish_by_timm, tmp_path):
    """Not even if it is they whose digest was published."""
    trap = tmp_path / "code ran"
    model = {"torchvision": from_torchvision("shufflenet_v2_x0_5"), "timm": OFF_HUB}[library]
    published = {"torchvision": publish, "timm": publish_by_timm}[library]
    published(model["name"], malicious_files.payloads(trap)[payload])
    with pytest.raises(InputError, match=r"(holds pickled objects|is truncated or no torch file)"):
        weights.published(model, tmp_path / "downloads")
    assert not trap.exists()


@pytest.fixture
def timm_hub(tmp_path, monkeypatch):
    """A folder in which timm's hub client finds the weights test_vit.r160_in1k, and a client that stays offline."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    tensors = network({"library": "timm", "name": "test_vit", "image_size": 160}).state_dict()
    content = safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()})
    repository = tmp_path / "downloads" / "models--timm--test_vit.r160_in1k"
    blob, snapshot = repository / "blobs" / hashlib.sha256(content).hexdigest(), repository / "snapshots" / ("a" * 40)
    for folder in (blob.parent, snapshot, repository / "refs"):
        folder.mkdir(parents=True)
    blob.write_bytes(content)
    (repository / "refs" / "main").write_text("a" * 40)
    (snapshot / "model.safetensors").symlink_to(blob)
    return tmp_path / "downloads", blob, tensors


def test_timms_weights_come_from_its_hub_and_are_adapted_to_channels_and_size(timm_hub):
    folder, blob, expected = timm_hub
    model = {"library": "timm", "name": "test_vit", "image_size": 160, "source": {"weights": "r160_in1k"}}
    tensors, facts = weights.published(model, folder)
    assert_same(tensors, expected)
    assert facts["normalisation"] == {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    assert facts["weights"] == {"name": "r160_in1k", "sha256": {"model.safetensors": blob.name}}
    tensors, facts = weights.published(model | {"image_size": 64, "channels": 1}, folder)
    assert facts["normalisation"] == {"mean": [0.5], "std": [0.5]}
    assert facts["architecture"]["options"] == {}
    grey = zoo.create(facts["architecture"])
    zoo.fit(grey, tensors, "published")
    assert grey(torch.rand(2, 1, 64, 64)).shape == (2, 1000)
    blob.write_bytes(safetensors.torch.save({name: tensor + 1 for name, tensor in expected.items()}))
    with pytest.raises(InputError, match=r"model.safetensors is damaged"):
        weights.published(model, folder)
    blob.unlink()
    with pytest.raises(InputError, match="cannot fetch the weights r160_in1k of timm's test_vit"):
        weights.published(model, folder)


def test_the_digest_of_timms_weights_is_that_of_the_first_link_and_without_one_they_are_refused(timm_hub):
    folder, blob, expected = timm_hub
    model = {"library": "timm", "name": "test_vit", "image_size": 160, "source": {"weights": "r160_in1k"}}
    # as the hub's client keeps one file for several repositories, by a digest of another kind
    shared = folder / "blobs" / "ab" / ("ab" * 32)
    shared.parent.mkdir(parents=True)
    blob.rename(shared)
    blob.symlink_to(shared)
    tensors, facts = weights.published(model, folder)
    assert_same(tensors, expected)
    assert facts["weights"]["sha256"] == {"model.safetensors": blob.name}
    # as where no links can be made, or they were not copied
    (link,) = folder.rglob("model.safetensors")
    link.unlink()
    shared.rename(link)
    with pytest.raises(InputError, match=r"model.safetensors cannot be checked: .* with symbolic links or copy it"):
        weights.published(model, folder)


def test_weights_of_a_network_without_a_linear_head_are_refused_as_they_are_fetched(publish, tmp_path):
    model = from_torchvision("squeezenet1_1")
    publish(model["name"], network(model).state_dict())
    with pytest.raises(InputError, match="SqueezeNet does not end with a linear layer"):
        weights.published(model, tmp_path / "downloads")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "resnet181"}, "unknown model of library torchvision 'resnet181': did you mean resnet18"),
        (
            {"source": {"weights": "IMAGENET1K_V3"}},
            "unknown weights of torchvision's resnet18 'IMAGENET1K_V3': did you mean IMAGENET1K_V1",
        ),
        ({"library": "timm", "source": {"weights": "a4_in1k"}}, "weights of timm's resnet18 'a4_in1k': did you mean a"),
        ({"library": "small"}, "library small has none: expected library torchvision or timm"),
    ],
)
def test_weights_that_nobody_publishes_are_refused(wrong, message, tmp_path):
    with pytest.raises(InputError, match=message):
        weights.published(from_torchvision("resnet18") | wrong, tmp_path)


def with_checkpoint(model: dict, path: Path, **more) -> dict:
    return model | {"source": {"checkpoint": str(path), **more}}


@pytest.mark.parametrize(
    "wrap", [dict, lambda state: {"state_dict": state, "epoch": 3}, lambda state: {"model": state}]
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_local_torch_file_gives_the_weights_and_the_number_of_classes(wrap, prefix, tmp_path):
    expected = network(SMALL, classes=7).state_dict()
    path = tmp_path / "mine.pt"
    torch.save(wrap({prefix + name: tensor for name, tensor in expected.items()}), path)
    tensors, facts = weights.local(with_checkpoint(SMALL, path, normalisation=NORMALISATION))
    assert_same(tensors, expected)
    assert facts["architecture"] == zoo.architecture(SMALL, classes=7)
    assert facts["normalisation"] == NORMALISATION
    assert facts["weights"]["sha256"] == {"mine.pt": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_a_local_safetensors_file_may_be_a_checkpoint_of_ours_or_not(tmp_path):
    expected = network(SMALL, classes=7).state_dict()
    store.write_checkpoint(tmp_path / "ours.safetensors", expected, {"normalisation": NORMALISATION})
    tensors, facts = weights.local(with_checkpoint(SMALL, tmp_path / "ours.safetensors"))
    assert_same(tensors, expected)
    assert facts["normalisation"] == NORMALISATION
    plain = {name: tensor.contiguous() for name, tensor in expected.items()}
    safetensors.torch.save_file(plain, tmp_path / "theirs.safetensors")
    with pytest.raises(InputError, match=r"theirs.safetensors does not say how its images were normalised"):
        weights.local(with_checkpoint(SMALL, tmp_path / "theirs.safetensors"))


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_without_a_word_the_normalisation_is_that_of_the_librarys_own_weights(library, tmp_path):
    model = {"library": library, "name": "resnet18", "image_size": 64}
    torch.save(network(model, classes=5).state_dict(), tmp_path / "mine.pth")
    _, facts = weights.local(with_checkpoint(model, tmp_path / "mine.pth"))
    assert facts["normalisation"] == {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    assert facts["architecture"]["classes"] == 5


class Code:
    """An object whose unpickling would run code."""

    def __reduce__(self):
        return (print, ("code ran",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"mine.pt: no such file: expected a checkpoint"),
        (b"no torch file", r"mine.pt holds pickled objects, which could run any code, or is no torch file"),
        (b"hello world", r"mine.pt is truncated or no torch file"),
        ({1: torch.zeros(2)}, "expected a state dict of tensors"),
        ({"model": Code()}, r"mine.pt holds pickled objects, which could run any code"),
        (
            {"epoch": 3, "fc.weight": torch.zeros(2)},
            "expected a state dict of tensors, by itself or under state_dict or",
        ),
        ([torch.zeros(2)], "expected a state dict of tensors"),
        ({"conv1.weight": torch.zeros(16, 3, 3, 3)}, r"conv1.weight is \(16, 3, 3, 3\), expected \(16, 1, 3, 3\)"),
        ({"stem.weight": torch.zeros(16)}, r"\d+ missing \(conv1.weight .*; 1 not known .* \(stem.weight \(16,\)\)"),
    ],
)
def test_local_files_that_are_no_weights_of_the_architecture_are_refused(content, message, tmp_path, capsys):
    path = tmp_path / "mine.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(InputError, match=message):
        weights.local(with_checkpoint(SMALL, path))
    assert "code ran" not in capsys.readouterr().out


def test_a_truncated_torch_file_is_refused(tmp_path):
    path = tmp_path / "mine.pt"
    torch.save(network(SMALL).state_dict(), path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"mine.pt is truncated or no torch file"):
        weights.local(with_checkpoint(SMALL, path))
