"""Where units are in a network, and which pixels they see: by hand, by textbook arithmetic and by changing pixels."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.ops import Permute

from transferscope.errors import InputError
from transferscope.models import zoo
from transferscope.models.units import filters, receptive_fields, sites, watched


def create(name: str, library: str = "small", channels: int = 1, size: int = 28, **options) -> nn.Module:
    torch.manual_seed(0)
    shape = {"classes": 10, "channels": channels, "image_size": size}
    return zoo.create({"library": library, "name": name, "options": options} | shape).eval()


def images(channels: int = 1, size: int = 28) -> torch.Tensor:
    return torch.rand(3, channels, size, size, generator=torch.Generator().manual_seed(0))


def seen(module: nn.Module, shown: torch.Tensor, weighted: bool = False) -> dict[str, torch.Tensor]:
    found = {}
    with (
        torch.no_grad(),
        watched(module, sites(module, shown), weighted, lambda layer, units: found.update({layer: units.clone()})),
    ):
        module(shown)
    return found


def where(module: nn.Module, shown: torch.Tensor) -> dict[str, tuple[str, int]]:
    return {site.layer: (site.module, site.call) for site in sites(module, shown)}


def test_units_are_behind_the_activation_and_before_pooling_and_normalisation():
    assert where(create("layered"), images()) == {
        **{f"conv{number}": (f"conv{number}.relu", 1) for number in (1, 2, 3, 4)},
        "fc5": ("fc5.relu", 1),
    }
    caffenet = create("caffenet", channels=3, size=67, hidden=8)
    assert [site.module for site in sites(caffenet, images(3, 67))] == [
        *(f"conv{number}.relu" for number in (1, 2, 3, 4, 5)),
        *("fc6.relu", "fc7.relu"),
    ]


def test_a_layer_reaches_to_the_next_and_a_reused_activation_counts_where_it_is_called_last():
    found = where(create("residual"), images())
    assert found["conv1"] == ("relu", 1)  # which stands behind conv1 and bn1, in no block
    assert found["layer2.1"] == ("layer2.1.relu", 3)


def test_where_no_activation_ends_a_layer_its_block_does():
    dense = where(create("dense"), images())
    assert dense["features.conv0"] == ("features.relu0", 1)
    assert dense["features.transition1"] == ("features.transition1", 1)  # after its ReLU comes a convolution
    transformer = create("transformer")
    assert {site.layer for site in sites(transformer, images())} == {
        site.module for site in sites(transformer, images())
    }


def test_activations_and_weighted_inputs_are_those_of_a_forward_pass_by_hand():
    module, shown = create("layered"), images()
    post, pre = seen(module, shown), seen(module, shown, weighted=True)
    with torch.no_grad():
        conv1 = module.conv1.conv(shown)
        conv2 = module.conv2.conv(nn.functional.max_pool2d(conv1.clamp(min=0), 2))
        fc5 = module.fc5.linear(module.conv4(module.conv3(module.conv2(module.conv1(shown)))).flatten(1))
    for layer, side, expected in (("conv1", 28, conv1), ("conv2", 14, conv2)):
        positions = [(row, column) for row in range(side) for column in range(side)]
        by_position = torch.stack([expected[:, :, row, column] for row, column in positions], dim=1)
        torch.testing.assert_close(pre[layer], by_position)
        torch.testing.assert_close(post[layer], by_position.clamp(min=0))
    torch.testing.assert_close(pre["fc5"], fc5[:, None])
    torch.testing.assert_close(post["fc5"], fc5[:, None].clamp(min=0))


def test_a_weighted_input_is_not_overwritten_by_the_activation_in_place():
    module, shown = create("residual"), images()
    post, pre = seen(module, shown), seen(module, shown, weighted=True)
    for layer in post:
        assert (pre[layer] < 0).any()
        torch.testing.assert_close(post[layer], pre[layer].clamp(min=0), rtol=0, atol=0)


def test_a_layer_without_an_activation_at_its_end_is_taken_as_it_is():
    module, shown = create("dense"), images()
    post, pre = seen(module, shown), seen(module, shown, weighted=True)
    assert [layer for layer in post if torch.equal(post[layer], pre[layer])] == list(post)[1:]


def test_tokens_are_positions():
    found = seen(create("transformer"), images())
    assert found["conv_proj"].shape == (3, 16, 32)
    assert found["encoder.layers.encoder_layer_0"].shape == (3, 17, 32)


@pytest.mark.parametrize("size", [16, 32])  # at 32, the first maps are as high and as wide as they have units, 8
def test_channels_are_units_where_they_are_the_last_axis(size):
    torch.manual_seed(0)
    swin = SwinTransformer([4, 4], embed_dim=8, depths=[2, 1], num_heads=[2, 2], window_size=[2, 2]).eval()
    shown = images(3, size)
    with torch.no_grad():
        projected = swin.features[0][0](shown)
        block = swin.features[1][0](swin.features[0](shown))
        merged = swin.features[:3](shown)
    found = seen(swin, shown)
    assert list(found) == [*("features.0.0", "features.1.0", "features.1.1"), *("features.2.reduction", "features.3.0")]
    torch.testing.assert_close(found["features.0.0"], projected.flatten(2).transpose(1, 2))
    torch.testing.assert_close(found["features.1.0"], block.flatten(1, 2))
    torch.testing.assert_close(found["features.2.reduction"], merged.flatten(1, 2))
    assert found["features.3.0"].shape == (3, (size // 8) ** 2, 16)


def permuted(size: int) -> nn.Module:
    """A convolution and a normalisation, whose units are on different axes, in one layer of 8 units."""
    first = (nn.Conv2d(1, 8, 1), Permute([0, 2, 3, 1]), nn.LayerNorm(8), nn.ReLU())
    return nn.Sequential(*first, nn.Flatten(), nn.Linear(8 * size**2, 2)).eval()


def test_which_axis_is_that_of_units_is_told_by_their_number_or_refused():
    assert seen(permuted(6), images(size=6))["0"].shape == (3, 36, 8)
    with pytest.raises(InputError, match=r"layer 0: .* the shape \(8, 8, 8\), of which the axis of units is not to"):
        sites(permuted(8), images(size=8))
    # a dense block joins 14 units of its last convolution to those before, and has maps as high and as wide as that
    dense = seen(create("dense"), images())
    assert [tuple(units.shape[1:]) for units in dense.values()][:3] == [(196, 28), (196, 56), (49, 28)]


def test_watching_leaves_no_hooks():
    module = create("layered")
    seen(module, images(), weighted=True)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def square(fields: np.ndarray, size: int) -> tuple[int, int, int]:
    """Side of the fields in the middle, their distance, and the first one's end: the same for rows and columns."""
    assert (fields >= 0).all() and (fields <= size).all()
    grid = fields.reshape(int(len(fields) ** 0.5), -1, 4)
    assert (grid[..., :2] == grid[..., 2:].swapaxes(0, 1)).all()
    top, bottom = grid[:, 0, 0], grid[:, 0, 1]
    middle = len(grid) // 2
    return bottom[middle] - top[middle], top[middle + 1] - top[middle], bottom[0]


def test_receptive_fields_are_those_of_the_arithmetic_of_kernels_and_strides():
    # each 3x3 adds twice the distance of its inputs, each pooling once and doubles it: 3, 4 (8), 10 (18), 26
    module = create("layered", size=64)
    fields = receptive_fields(module, sites(module, images(size=64)), 1, 64)
    assert square(fields["conv1"], 64) == (3, 1, 2)
    assert square(fields["conv2"], 64) == (8, 2, 5)
    assert square(fields["conv3"], 64) == (18, 4, 11)
    assert square(fields["conv4"], 64) == (26, 4, 15)
    assert fields["fc5"].tolist() == [[0, 64, 0, 64]]


def test_receptive_fields_of_caffenet_are_the_published_ones():
    module = create("caffenet", channels=3, size=99, hidden=8)
    fields = receptive_fields(module, sites(module, images(3, 99)), 3, 99)
    sides = [fields[f"conv{number}"] for number in (1, 2, 3)]
    assert [int((side[:, 1] - side[:, 0]).max()) for side in sides] == [11, 51, 99]


class Smooth(nn.Sequential):
    """Strides, dilation, padding and pooling, and nothing that a small change could fail to pass."""

    def __init__(self):
        super().__init__(
            *(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.Softplus(), nn.AvgPool2d(2, 1)),
            *(nn.Conv2d(3, 4, (3, 1), dilation=2, padding=(2, 0)), nn.BatchNorm2d(4), nn.Softplus()),
            *(nn.Conv2d(4, 2, 2, stride=2), nn.Flatten(), nn.Linear(2 * 3 * 3, 5)),
        )


def test_receptive_fields_are_the_pixels_that_change_something():
    torch.manual_seed(0)
    module = Smooth().eval()
    found = receptive_fields(module, sites(module, images(2, 14)), 2, 14)
    assert list(found) == ["0", "3", "6"]
    assert [len(fields) for fields in found.values()] == [49, 36, 9]
    pixels = torch.eye(14 * 14).reshape(-1, 1, 14, 14).expand(-1, 2, -1, -1).double()
    shown = torch.cat([images(2, 14)[:1].double(), images(2, 14)[:1].double() + pixels])
    for layer, units in seen(module.double(), shown).items():
        changed = ((units[1:] - units[:1]).abs() > 1e-12).any(dim=2).numpy().reshape(14, 14, -1)
        for position, field in enumerate(found[layer]):
            rows, columns = np.nonzero(changed[:, :, position])
            assert field.tolist() == [rows.min(), rows.max() + 1, columns.min(), columns.max() + 1], (layer, position)


def test_finding_receptive_fields_changes_nothing():
    module = create("residual").train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    receptive_fields(module, sites(module, images()), 1, 28)
    assert module.training and all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_filters_are_the_first_weights_as_images():
    module = create("caffenet", channels=3, size=67, hidden=8)
    found = filters(module)
    assert found.shape == (96, 11, 11, 3) and found.dtype == np.float32
    assert found[7, 2, 3, 1] == module.conv1.conv.weight[7, 1, 2, 3].item()
    with pytest.raises(InputError, match="expected a convolution in the first layer of Sequential"):
        filters(nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)))
