"""Checkpoints keep tensors to the bit, and what is damaged, cut or a pickle is refused."""

import pickle
from pathlib import Path

import pytest
import torch

from transferscope import store
from transferscope.errors import InputError


def tensors() -> dict[str, torch.Tensor]:
    shared = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    return {
        "weight": shared,
        "tied": shared,
        "view": shared[1:3].T,
        "channels_last": torch.arange(24.0).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(torch.tensor([float("nan"), float("inf"), -0.0])),
        "half": torch.tensor([1.5, 2.5], dtype=torch.bfloat16),
        "count": torch.tensor(7),
        "mask": torch.tensor([True, False]),
        "nothing": torch.zeros(0, 3),
    }


def test_checkpoints_keep_tensors_to_the_bit_and_facts(tmp_path):
    path = tmp_path / "model.safetensors"
    facts = {"architecture": {"library": "small", "options": {}}, "epoch": 3, "std": [0.1 + 0.2]}
    store.write_checkpoint(path, tensors(), facts)
    found, found_facts = store.read_checkpoint(path)
    assert found_facts == facts
    assert found.keys() == tensors().keys()
    for name, tensor in tensors().items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name].nan_to_num(nan=9.0), tensor.detach().nan_to_num(nan=9.0))


def test_a_bit_that_flips_anywhere_in_a_checkpoint_is_noticed(tmp_path):
    path = tmp_path / "model.safetensors"
    store.write_checkpoint(path, {"a": torch.ones(2, 3), "b": torch.ones(2)}, {"epoch": 1})
    content = path.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"model.safetensors is (damaged|truncated)"):
            store.read_checkpoint(path)


def test_a_checkpoint_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    store.write_checkpoint(path, {"a": torch.ones(2, 3)}, {"epoch": 1})
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"model.safetensors is truncated or no safetensors file"):
            store.read_checkpoint(path)


def test_a_pickle_is_refused_and_not_run(tmp_path):
    class Malicious:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "was run",))

    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(InputError, match="no safetensors file"):
        store.read_checkpoint(path)
    torch.save({"weight": torch.ones(2), "code": Malicious()}, path)
    with pytest.raises(InputError, match="no safetensors file"):
        store.read_checkpoint(path)
    assert not (tmp_path / "was run").exists()


def test_checkpoints_from_elsewhere_have_no_facts(tmp_path):
    from safetensors.torch import save_file

    save_file({"weight": torch.ones(2)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    found, facts = store.read_checkpoint(tmp_path / "model.safetensors")
    assert facts == {}
    assert torch.equal(found["weight"], torch.ones(2))


def test_the_digest_of_tensors_knows_names_types_shapes_and_values():
    one = {"a": torch.zeros(2, 3), "b": torch.ones(1)}
    same = {"b": torch.ones(1), "a": torch.zeros(3, 2).T}
    others = [
        {"a": torch.zeros(3, 2), "b": torch.ones(1)},
        {"a": torch.zeros(2, 3, dtype=torch.int32), "b": torch.ones(1)},
        {"a": torch.zeros(2, 3), "c": torch.ones(1)},
        {"a": torch.zeros(2, 3), "b": torch.full((1,), 2.0)},
        {"a": torch.zeros(2, 3)},
    ]
    assert store.tensor_digest(one) == store.tensor_digest(same)
    assert len({store.tensor_digest(each) for each in [one, *others]}) == 6
    assert store.tensor_digest(one, "facts") != store.tensor_digest(one)
