"""How large a network is: operations, parameters and layers, found without computing anything."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """What a network's passes and its files take.

    flop:       floating-point operations of one image's pass forward; a multiply-add counts as two.
    below:      those of its first n transferable layers (see `models.transplant`), for n = 0, 1, ...
    units:      channels, or units, of each of these layers.
    calls:      calls of modules without others inside, in a pass forward.
    tensors:    values in a checkpoint.
    layers:     layers that are captured, those that hand on the same tensor counted once.
    features:   values that these hand on for one image.
    """

    flop: int
    below: Sequence[int]
    units: Sequence[int]
    calls: int
    tensors: int
    layers: int
    features: int


def size_of(architecture: Mapping, selection: str = "blocks", reused: str = "last") -> Size:
    """The size of a network, an architecture of `models.zoo`, on torch's device for tensors without values.

    selection, reused: which of its layers are captured: see `models.layers.trace`.
    Operations are those of convolutions and matrix products, as torch counts them; all else is next to nothing.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from transferscope.models import zoo
    from transferscope.models.layers import trace
    from transferscope.models.transplant import layers_of

    side, channels = architecture["image_size"], architecture["channels"]
    with torch.device("meta"), torch.no_grad():
        module, image = zoo.create(architecture).eval(), torch.empty(1, channels, side, side)
        with FlopCounterMode(display=False) as counted:
            calls = len(trace(module, image, "leaves", "every"))
        layers = trace(module, image, selection, reused)
    transferable = layers_of(module)
    captured = {layer.content: math.prod(layer.shape) for layer in layers}
    counts = counted.get_flop_counts()
    by_layer = [sum(counts.get(f"{type(module).__name__}.{layer}", {}).values()) for layer in transferable]
    return Size(
        flop=counted.get_total_flops(),
        below=[sum(by_layer[:n]) for n in range(len(by_layer) + 1)],
        units=[layer.shape[0] for layer in layers if layer.name in transferable],
        calls=calls,
        tensors=sum(tensor.numel() for tensor in module.state_dict().values()),
        layers=len(captured),
        features=sum(captured.values()),
    )
