"""Layers of which tests know the features and the Gram matrices alike: made up, or of a network."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from transferscope.data.inputs import Inputs
from transferscope.machine.devices import passes_in
from transferscope.similarity import Grams, centred_gram


def layers_and_grams(rng, n=70):
    """Layers that resemble each other."""
    base = rng.standard_normal((n, 20))
    xs = [base @ rng.standard_normal((20, d)) + rng.standard_normal((n, d)) for d in (3, 30, 300)]
    return xs, Grams.of_matrices(np.stack([centred_gram(x) for x in xs]))


def features_by_hand(
    module: nn.Module, inputs: Inputs, images: np.ndarray, names: Iterable[str], precision: str = "fp32"
) -> dict[str, np.ndarray]:
    """Flattened features from one batch and one hook a layer that copies at once; the last call wins."""
    found, handles = {}, []
    for name in names:

        def keep(part, arguments, output, name=name):
            output = output[0] if isinstance(output, tuple | list) else output
            found[name] = output.float().flatten(1).clone().numpy()

        part = module if name == "(root)" else module.get_submodule(name)
        handles.append(part.register_forward_hook(keep))
    with torch.no_grad(), passes_in(torch.device("cpu"), precision):
        module.eval()(inputs(images, "cpu"))
    for handle in handles:
        handle.remove()
    return found
