"""Networks that learn side by side from the same batches, those with a gate beside one frozen source network."""

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from transferscope.models.gate import GatedNetwork, gated_module, outputs_of

# what a test tells of a network's gate
READINGS = ("lambda_source", "share")


class SideBySide(nn.Module):
    """Target networks, each of which learns as it would alone, and the source of those that have a gate.

    networks: by name: a `GatedNetwork`, or any other module that maps images to logits, which uses no source.
    source: made frozen, in place: in evaluation mode, its parameters without gradient. It may have other classes.
    share_source: the source computes a batch once, for all networks; if not, once for each that has a gate, to the
        same effect but for rounding.
    gate_learning_rate: that of the gates' v, the eta_v of Orhand et al. 2021; None: that of the weights.
    What networks draw while they learn (dropout), they draw from one generator in turn: such a network, and no other,
    learns another way in other company.
    Raises InputError if the source has no layer for a gate.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        source: nn.Module,
        share_source: bool = True,
        gate_learning_rate: float | None = None,
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

    def forward(self, images: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Each network's name and logits (b, classes), in turn: the next computes when it is asked for.

        So the caller can go backward through one before the next: there is then one graph in memory at a time.
        """
        wanted = set(self._found_in.values())
        outputs = outputs_of(self.source, wanted, images) if self.share_source and wanted else {}
        for name, network in zip(self.names, self.networks, strict=True):
            if name in self._found_in:
                place = self._found_in[name]
                own = outputs or outputs_of(self.source, {place}, images)
                yield name, network(images, own[place])
            else:
                yield name, network(images)

    def train(self, mode: bool = True) -> "SideBySide":
        super().train(mode)
        self.source.eval()
        return self

    def parameter_groups(self) -> list[dict]:
        """The parameters that learn, as an optimiser takes them: gates have their own rate and no weight decay."""
        gates = [network.gate.v for network in self.networks if isinstance(network, GatedNetwork)]
        bodies = [network.network if isinstance(network, GatedNetwork) else network for network in self.networks]
        weights = [parameter for body in bodies for parameter in body.parameters() if parameter.requires_grad]
        rate = {} if self.gate_learning_rate is None else {"lr": self.gate_learning_rate}
        return [{"params": weights}, {"params": gates, "weight_decay": 0.0} | rate]

    def readings(self) -> dict[str, dict[str, float | None]]:
        """By network: READINGS, over the images since it was put in evaluation mode; None for one without a gate."""
        return {
            name: {key: getattr(network.gate, key) if isinstance(network, GatedNetwork) else None for key in READINGS}
            for name, network in zip(self.names, self.networks, strict=True)
        }
