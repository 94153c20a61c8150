"""Networks shown a set of images, batch by batch, and what their units leave behind of it."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from transferscope.convergence.excitations import Excitations
from transferscope.convergence.moments import Moments
from transferscope.convergence.units import LayerUnits
from transferscope.errors import InputError
from transferscope.machine.devices import deterministic, passes_in
from transferscope.models import zoo
from transferscope.models.layers import evaluation
from transferscope.models.units import Site, receptive_fields, sites, watched
from transferscope.terms.convergent import ACTIVATIONS, AFTER, BEFORE, POSITIONS, SAMPLES, SUMS

IMAGES_AT_A_TIME = 64

Inputs = Callable[[np.ndarray, torch.device], Tensor]
Images = Callable[[np.ndarray], np.ndarray]


def capture_units(
    modules: Sequence[nn.Module],
    inputs: Inputs,
    images: Images,
    rows: np.ndarray,
    activations: str = AFTER,
    samples: str = POSITIONS,
    parts: int = 1,
    device: torch.device | str = "cpu",
    precision: str = "fp32",
) -> dict[str, LayerUnits]:
    """How the units of several networks vary over a set of images, alone and together, layer by layer in one pass.

    Sums are in float64; what is held at a time depends on the numbers of units, not on that of images.

    modules: networks with the same layers (see `models.units.sites`), moved to `device`; modes are left as they were.
    inputs: makes the networks' input of images: see `data.inputs.Inputs`.
    images: gives the images of some rows, uint8 (b, H, W, C): `data.tasks.Examples.images`.
    rows: (n,) the images to show, at least 2 in each part.
    activations: "after", what the units' activation function hands on, as in the paper; or "before", what it is handed.
    samples: "positions", every position of a channel is one, as in the paper; or "sums" over positions, one an image.
    parts: in how many the images are divided, in their order; their moments stay apart.
    precision: that the networks compute in, as `devices.passes_in` takes it; sums are always as said.
    Raises InputError if a choice is unknown, images are too few, layers differ, or an activation is not finite.
    """
    _check_choices(activations, samples)
    if len(rows) < 2 * parts:
        raise InputError(f"images: expected at least two in each of {parts} parts, found {len(rows)}")
    device, rows = torch.device(device), np.asarray(rows)
    with deterministic(device):
        watchers = [_Watcher(module.to(device), inputs, images, rows, device, precision) for module in modules]
        layers = _shared_layers(watchers)
        sums = [{} for _ in range(parts)]
        for part, chunk in _chunks(len(rows), parts):
            batch = _batch(inputs, images, rows[chunk], device)
            units = [watcher.units(batch, activations == BEFORE) for watcher in watchers]
            for layer in layers:
                moments = Moments.of(_samples([found[layer] for found in units], samples))
                sums[part][layer] = sums[part][layer].joined(moments) if layer in sums[part] else moments
    return {
        layer: LayerUnits(
            sizes=tuple(found[layer].shape[2] for found in units),
            parts=tuple(_in_numpy(part[layer]) for part in sums),
            positions=units[0][layer].shape[1],
        )
        for layer in layers
    }


def capture_excitations(
    module: nn.Module,
    inputs: Inputs,
    images: Images,
    rows: np.ndarray,
    count: int = 9,
    device: torch.device | str = "cpu",
    precision: str = "fp32",
) -> dict[str, Excitations]:
    """The images that excite each unit the most, and where in them, layer by layer in one pass.

    module, inputs, images, rows, device, precision: as for `capture_units`.
    count: images for each unit, or as many as there are; of equally exciting ones those that were shown first.
    """
    device, rows = torch.device(device), np.asarray(rows)
    with deterministic(device):
        watcher = _Watcher(module.to(device), inputs, images, rows, device, precision)
        best = {}
        for _, chunk in _chunks(len(rows), parts=1):
            for layer, units in watcher.units(_batch(inputs, images, rows[chunk], device), weighted=False).items():
                values, positions = (found.cpu().numpy() for found in units.max(dim=1))
                new = values, np.broadcast_to(rows[chunk, None], values.shape), positions
                best[layer] = _top(new, best.get(layer), count)
        channels, size = _batch(inputs, images, rows[:1], device).shape[1:3]
        fields = receptive_fields(module, watcher.sites, channels, size)
    return {
        layer: Excitations(*(np.ascontiguousarray(array.T) for array in found), fields[layer], size)
        for layer, found in best.items()
    }


class _Watcher:
    """A network, and where its units are."""

    def __init__(
        self,
        module: nn.Module,
        inputs: Inputs,
        images: Images,
        rows: np.ndarray,
        device: torch.device,
        precision: str,
    ):
        self.module, self.precision = module, precision
        self.format = zoo.memory_format(module)
        self.sites: list[Site] = sites(module, _batch(inputs, images, rows[:2], device))

    def units(self, batch: Tensor, weighted: bool) -> dict[str, Tensor]:
        """Layer -> activations (b, positions, units) for some images."""
        found = {}

        def take(layer: str, units: Tensor) -> None:
            if not torch.isfinite(units).all():
                raise InputError(f"layer {layer} hands on values that are not finite: has its training diverged?")
            found[layer] = units.float() if units.dtype == torch.bfloat16 else units.clone()

        computing = passes_in(batch.device, self.precision)
        with evaluation(self.module), watched(self.module, self.sites, weighted, take), computing:
            self.module(batch.contiguous(memory_format=self.format))
        return found


def _batch(inputs: Inputs, images: Images, rows: np.ndarray, device: torch.device) -> Tensor:
    return inputs(images(rows), device)


def _chunks(count: int, parts: int) -> list[tuple[int, slice]]:
    """(part, batch) in their order; the first parts have one image more where they cannot be equal."""
    edges = np.cumsum([0, *map(len, np.array_split(np.arange(count), parts))]).tolist()
    return [
        (part, slice(start, min(start + IMAGES_AT_A_TIME, edges[part + 1])))
        for part in range(parts)
        for start in range(edges[part], edges[part + 1], IMAGES_AT_A_TIME)
    ]


def _samples(units: Sequence[Tensor], samples: str) -> np.ndarray | Tensor:
    """Samples (n, U) in float64 of the units of all networks: on a GPU a tensor, else an array."""
    if len({tuple(found.shape[:2]) for found in units}) > 1:
        raise InputError(
            "units of a layer have different positions in the networks: compare networks of one input size"
        )
    joined = torch.cat([found.double() for found in units], dim=2)
    joined = joined.sum(dim=1) if samples == SUMS else joined.flatten(0, 1)
    return joined if joined.is_cuda else joined.numpy()


def _in_numpy(moments: Moments) -> Moments:
    arrays = (array.cpu().numpy() if isinstance(array, Tensor) else array for array in (moments.mean, moments.comoment))
    return Moments(moments.count, *arrays)


def _top(
    new: tuple[np.ndarray, ...], before: tuple[np.ndarray, ...] | None, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The most exciting of some images and those before: values, rows and positions, (count, units) each."""
    joined = new if before is None else tuple(map(np.concatenate, zip(before, new, strict=True)))
    order = np.argsort(-joined[0], axis=0, kind="stable")[:count]
    return tuple(np.take_along_axis(array, order, axis=0) for array in joined)


def _shared_layers(watchers: Sequence[_Watcher]) -> list[str]:
    layers = [[site.layer for site in watcher.sites] for watcher in watchers]
    for other in layers[1:]:
        if other != layers[0]:
            raise InputError(
                f"expected networks with the same layers, found {', '.join(layers[0])} and {', '.join(other)}"
            )
    return layers[0]


def _check_choices(activations: str, samples: str) -> None:
    for name, choice, choices in (("activations", activations, ACTIVATIONS), ("samples", samples, SAMPLES)):
        if choice not in choices:
            raise InputError(f"{name}: expected one of {', '.join(choices)}, found '{choice}'")
