"""Networks that learn side by side from the same batches, those with a gate beside one frozen source network."""

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor, nn

from transferscope.models.gate import Gate, GatedNetwork, gated_module, mixed_in_group, outputs_of
from transferscope.models.grouped import can_be_grouped, grouped

# what a test tells of a network's gate
READINGS = ("lambda_source", "share")


class SideBySide(nn.Module):
    """Target networks, each of which learns as it would alone, and the source of those that have a gate.

    networks: by name: a `GatedNetwork`, or any other module that maps images to logits, which uses no source.
    source: made frozen, in place: in evaluation mode, its parameters without gradient. It may have other classes.
    gate_learning_rate: that of the gates' v, the eta_v of Orhand et al. 2021; None: that of the weights.
    share_source: the source computes a batch once, for all networks; if not, once for each that has a gate, to the
        same effect but for rounding.
    at_once: so many networks are computed as one, where they share the source and `grouped` can: to the same effect
        but for rounding, and faster where they are small.
    What networks draw while they learn (dropout), they draw from one generator in turn: such a network, and no other,
    learns another way in other company.
    Raises InputError if the source has no layer for a gate.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        source: nn.Module,
        gate_learning_rate: float | None = None,
        share_source: bool = True,
        at_once: int = 1,
    ):
        super().__init__()
        self.names = tuple(networks)
        self.networks = nn.ModuleList(networks.values())
        self.source = source.requires_grad_(False).eval()
        self.share_source = share_source
        self.gate_learning_rate = gate_learning_rate
        # by network: where in the source its gate finds what it mixes
        self._found_in = {
            name: gated_module(source, network.layer)
            for name, network in networks.items()
            if isinstance(network, GatedNetwork)
        }
        bodies = list(map(_body, self.networks))
        self.at_once = at_once if share_source and can_be_grouped(bodies) else 1

    def forward(self, images: Tensor) -> Iterator[dict[str, Tensor]]:
        """Logits (b, classes) by network, of those that are computed as one; the next ones when they are asked for.

        So the caller can go backward through these before the next: there are then no more graphs in memory at a time.
        """
        wanted = set(self._found_in.values())
        shared = outputs_of(self.source, wanted, images) if self.share_source and wanted else {}
        together = list(zip(self.names, self.networks, strict=True))
        for first in range(0, len(together), self.at_once):
            if self.at_once > 1:
                yield self._grouped(dict(together[first : first + self.at_once]), images, shared)
            else:
                yield self._alone(*together[first], images, shared)

    def _alone(self, name: str, network: nn.Module, images: Tensor, shared: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Logits of one network. shared: what the source computes at the places of gates, if once for all."""
        if name not in self._found_in:
            return {name: network(images)}
        place = self._found_in[name]
        return {name: network(images, (shared or outputs_of(self.source, {place}, images))[place])}

    def _grouped(
        self, networks: Mapping[str, nn.Module], images: Tensor, shared: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Logits of networks that are computed as one. shared: what the source computes at the places of gates."""
        changes = {
            gated.gated: partial(
                mixed_in_group,
                [_gate_at(gated.layer, each) for each in networks.values()],
                shared[self._found_in[name]],
            )
            for name, gated in networks.items()
            if isinstance(gated, GatedNetwork)
        }
        return dict(zip(networks, grouped(list(map(_body, networks.values())), images, changes), strict=True))

    def train(self, mode: bool = True) -> "SideBySide":
        super().train(mode)
        self.source.eval()
        return self

    def parameter_groups(self) -> list[dict]:
        """The parameters that learn, as an optimiser takes them: gates have their own rate and no weight decay."""
        gates = [network.gate.v for network in self.networks if isinstance(network, GatedNetwork)]
        bodies = map(_body, self.networks)
        weights = [parameter for body in bodies for parameter in body.parameters() if parameter.requires_grad]
        rate = {} if self.gate_learning_rate is None else {"lr": self.gate_learning_rate}
        return [{"params": weights}, {"params": gates, "weight_decay": 0.0} | rate]

    def readings(self) -> dict[str, dict[str, float | None]]:
        """By network: READINGS, over the images since it was put in evaluation mode; None for one without a gate."""
        return {
            name: {key: getattr(network.gate, key) if isinstance(network, GatedNetwork) else None for key in READINGS}
            for name, network in zip(self.names, self.networks, strict=True)
        }


def _body(network: nn.Module) -> nn.Module:
    """A network without its gate."""
    return network.network if isinstance(network, GatedNetwork) else network


def _gate_at(layer: int, network: nn.Module) -> Gate | None:
    """A network's gate, if it has one at this layer."""
    return network.gate if isinstance(network, GatedNetwork) and network.layer == layer else None
