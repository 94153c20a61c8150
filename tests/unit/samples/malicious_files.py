"""Files that run code when they are read without care, and such that are odd."""

import io
import json
import pickle
from pathlib import Path

import numpy as np
import torch


class Payload:
    """An object whose unpickling makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def as_saved_by_torch(content: object, **options) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


def that_torch_gives_up(trap: Path) -> bytes:
    """A torch file that its reader of weights gives up with a TypeError, after which some read it without limits."""
    # an ordered dictionary in a state that is none of its own, and then the payload
    program = b"\x80\x02ccollections\nOrderedDict\n)RN}\x86b0" + pickle.dumps(Payload(trap), protocol=2)[2:]
    stream = io.BytesIO()
    writer = torch._C.PyTorchFileWriter(stream)
    writer.write_record("data.pkl", program, len(program))
    writer.write_end_of_file()
    return stream.getvalue()


def as_saved_by_numpy(*content: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array(content, dtype=object), allow_pickle=True)
    return stream.getvalue()


def safetensors_with(header: object) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


def payloads(trap: Path) -> dict[str, bytes]:
    """The contents of such files by name. trap: what is made as soon as one of the first has run."""
    payload = Payload(trap)
    return {
        "pickle": pickle.dumps(payload),
        "old pickle": pickle.dumps(payload, protocol=0),
        "torch": as_saved_by_torch({"weight": torch.zeros(2), "code": payload}),
        "old torch": as_saved_by_torch({"weight": payload}, _use_new_zipfile_serialization=False),
        "torch that torch gives up": that_torch_gives_up(trap),
        "numpy": as_saved_by_numpy(payload),
        "a vast header": (2**62).to_bytes(8, "little") + b"{}" * 50,
        "deep JSON": b"# " + b"[" * 200_000,
        "tensors out of bounds": safetensors_with({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 8]}}),
        "nothing": b"",
        "zeros": bytes(5_000),
    }
