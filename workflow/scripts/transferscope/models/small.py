"""This workflow's own architectures, all but CaffeNet for images of about 28 pixels: see ARCHITECTURES.

The first three are built as torchvision builds its large ones, with the same names for the same parts: bottlenecks that
use one in-place ReLU three times and add in place, densely connected layers that concatenate, and encoder blocks around
`nn.MultiheadAttention`, which hands on a tuple. What is right for them is right for the large ones. The others are
plain stacks of layers: those of Goerttler & Obermayer 2022 and of Orhand et al. 2021, CaffeNet, and CaffeNet in small.
"""

from collections import OrderedDict
from collections.abc import Container, Sequence

import torch
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.models.caffenet import CaffeNet, LearnedLayer


class Bottleneck(nn.Module):
    """Residual block of a 1x1, a 3x3 and a 1x1 convolution (He et al. 2016, figure 5), the 3x3 one with the stride."""

    expansion = 4  # channels handed on, as a multiple of the width of the 3x3 convolution

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        outputs = self.expansion * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += identity
        return self.relu(out)


class ResidualNet(nn.Module):
    """Residual network: a convolution of stride 2, then stages of bottlenecks, each but the first halving the image."""

    def __init__(self, channels: int, classes: int, width: int = 8, blocks: Sequence[int] = (1, 2, 1)):
        super().__init__()
        outputs = Bottleneck.expansion * width
        self.conv1 = nn.Conv2d(channels, outputs, 3, 2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.stages = []
        for index, count in enumerate(blocks):
            stage_width = width * 2**index
            stack = [Bottleneck(outputs, stage_width, stride=1 if index == 0 else 2)]
            outputs = Bottleneck.expansion * stage_width
            stack += [Bottleneck(outputs, stage_width, stride=1) for _ in range(count - 1)]
            self.stages.append(f"layer{index + 1}")
            self.add_module(self.stages[-1], nn.Sequential(*stack))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(outputs, classes)
        _initialise_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        for name in self.stages:
            x = self.get_submodule(name)(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


class DenseLayer(nn.Module):
    """A 1x1 and a 3x3 convolution over all that came before in the block; hands on its own features only."""

    def __init__(self, inputs: int, growth: int, bottleneck: int):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(inputs, bottleneck * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(bottleneck * growth)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bottleneck * growth, growth, 3, padding=1, bias=False)

    def forward(self, earlier: list[Tensor]) -> Tensor:
        out = self.conv1(self.relu1(self.norm1(torch.cat(earlier, 1))))
        return self.conv2(self.relu2(self.norm2(out)))


class DenseBlock(nn.ModuleDict):
    """Densely connected layers; hands on its input and the features of all of them, concatenated."""

    def __init__(self, layers: int, inputs: int, growth: int, bottleneck: int):
        super().__init__()
        for index in range(layers):
            self[f"denselayer{index + 1}"] = DenseLayer(inputs + index * growth, growth, bottleneck)

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.values():
            features.append(layer(features))
        return torch.cat(features, 1)


class Transition(nn.Sequential):
    """Halves the channels and the image between two dense blocks."""

    def __init__(self, inputs: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(inputs, inputs // 2, 1, bias=False)
        self.pool = nn.AvgPool2d(2)


class DenseNet(nn.Module):
    """Densely connected network (Huang et al. 2017): a convolution of stride 2, dense blocks, transitions between."""

    def __init__(
        self, channels: int, classes: int, growth: int = 14, blocks: Sequence[int] = (2, 2, 2), bottleneck: int = 2
    ):
        super().__init__()
        width = 2 * growth
        parts = OrderedDict(
            conv0=nn.Conv2d(channels, width, 3, 2, padding=1, bias=False),
            norm0=nn.BatchNorm2d(width),
            relu0=nn.ReLU(inplace=True),
        )
        for index, layers in enumerate(blocks, start=1):
            parts[f"denseblock{index}"] = DenseBlock(layers, width, growth, bottleneck)
            width += layers * growth
            if index < len(blocks):
                parts[f"transition{index}"] = Transition(width)
                width //= 2
        parts[f"norm{len(blocks) + 1}"] = nn.BatchNorm2d(width)
        self.features = nn.Sequential(parts)
        self.classifier = nn.Linear(width, classes)
        _initialise_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.relu(self.features(x), inplace=True)
        return self.classifier(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


class EncoderBlock(nn.Module):
    """Self-attention and a multilayer perceptron, each behind a layer norm and beside a shortcut."""

    def __init__(self, width: int, heads: int, expansion: int, dropout: float):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(width, eps=1e-6)
        hidden = expansion * width
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        normed = self.ln_1(x)
        attended, _ = self.self_attention(normed, normed, normed, need_weights=False)
        x = self.dropout(attended) + x
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Position embedding, encoder blocks and a final layer norm."""

    def __init__(self, tokens: int, depth: int, width: int, heads: int, expansion: int, dropout: float):
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, tokens, width).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(
            OrderedDict(
                (f"encoder_layer_{index}", EncoderBlock(width, heads, expansion, dropout)) for index in range(depth)
            )
        )
        self.ln = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return self.ln(self.layers(self.dropout(x + self.pos_embedding)))


class Transformer(nn.Module):
    """Vision transformer (Dosovitskiy et al. 2021): patches as tokens, a class token, encoder blocks, a linear head.

    Raises InputError if the image does not divide into patches or the width into heads.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        image_size: int,
        patch: int = 7,
        width: int = 32,
        depth: int = 4,
        heads: int = 4,
        expansion: int = 2,
        dropout: float = 0.0,
    ):
        super().__init__()
        if image_size % patch:
            raise InputError(f"transformer: an image of {image_size} pixels does not divide into patches of {patch}")
        if width % heads:
            raise InputError(f"transformer: a width of {width} does not divide into {heads} heads")
        self.conv_proj = nn.Conv2d(channels, width, patch, patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.encoder = Encoder((image_size // patch) ** 2 + 1, depth, width, heads, expansion, dropout)
        self.heads = nn.Sequential(OrderedDict(head=nn.Linear(width, classes)))

    def forward(self, x: Tensor) -> Tensor:
        patches = self.conv_proj(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), patches], 1)
        return self.heads(self.encoder(tokens)[:, 0])


class ConvolutionalBlock(nn.Sequential):
    """A 3x3 convolution, batch norm, ReLU, and max-pooling that halves the image."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)


class ConvolutionalNet(nn.Module):
    """Four convolutional blocks and a linear head (Goerttler & Obermayer 2022), with PyTorch's own initialisation.

    Raises InputError if nothing is left of the image after it was halved four times.
    """

    def __init__(self, channels: int, classes: int, image_size: int, width: int = 64):
        super().__init__()
        side = image_size // 2**4
        if side < 1:
            raise InputError(f"convolutional: expected an image of at least 16 pixels, found {image_size}")
        self.block1 = ConvolutionalBlock(channels, width)
        self.block2 = ConvolutionalBlock(width, width)
        self.block3 = ConvolutionalBlock(width, width)
        self.block4 = ConvolutionalBlock(width, width)
        self.head = nn.Linear(width * side**2, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block4(self.block3(self.block2(self.block1(x))))
        return self.head(torch.flatten(x, 1))


class StackedNet(nn.Sequential):
    """3x3 convolutions, a fully connected layer and a linear head, without normalisation.

    widths: channels of each convolution. hidden: units of the fully connected layer. pooled: numbers, from 1, of the
    convolutions that are followed by max-pooling, which halves the image.
    Raises InputError if nothing is left of the image after the last pooling.
    """

    def __init__(
        self, channels: int, classes: int, image_size: int, widths: Sequence[int], hidden: int, pooled: Container[int]
    ):
        super().__init__()
        inputs, halved = channels, 1
        for number, width in enumerate(widths, start=1):
            parts = {"conv": nn.Conv2d(inputs, width, 3, padding=1), "relu": nn.ReLU(inplace=True)}
            if number in pooled:
                parts["pool"] = nn.MaxPool2d(2)
                halved *= 2
            self.add_module(f"conv{number}", LearnedLayer(**parts))
            inputs = width
        side = image_size // halved
        if side < 1:
            raise InputError(f"expected an image of at least {halved} pixels, found {image_size}")
        linear = nn.Linear(inputs * side**2, hidden)
        self.add_module(
            f"fc{len(widths) + 1}", LearnedLayer(flatten=nn.Flatten(), linear=linear, relu=nn.ReLU(inplace=True))
        )
        self.head = nn.Linear(hidden, classes)


class LayeredNet(StackedNet):
    """CaffeNet in small: as there, the first, the second and the last convolution are followed by max-pooling."""

    def __init__(
        self, channels: int, classes: int, image_size: int, widths: Sequence[int] = (12, 24, 24, 24), hidden: int = 64
    ):
        super().__init__(channels, classes, image_size, widths, hidden, pooled={1, 2, len(widths)})


class QuantaNet(StackedNet):
    """Pairs of convolutions, each with max-pooling behind it (Orhand et al. 2021, figure 2): seven layers and a head.

    Weights are uniform as in Glorot & Bengio 2010 ("Xavier"), biases start at 0. The paper says neither how the
    convolutions are padded nor what the pooling is: here they keep the image's size, and the pooling halves it.
    Raises InputError also if the last convolution has none to make a pair with.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        image_size: int,
        widths: Sequence[int] = (64, 64, 256, 256, 512, 512),
        hidden: int = 2048,
    ):
        if len(widths) % 2:
            raise InputError(f"quanta: expected widths of pairs of convolutions, found {len(widths)}: {list(widths)}")
        super().__init__(channels, classes, image_size, widths, hidden, pooled=range(2, len(widths) + 1, 2))
        for part in self.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(part.weight)
                nn.init.zeros_(part.bias)


def _initialise_convolutions(module: nn.Module) -> None:
    """Draw convolution weights after He et al. 2015, as torchvision does for its residual and dense networks."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")


ARCHITECTURES = {
    "residual": ResidualNet,
    "dense": DenseNet,
    "transformer": Transformer,
    "convolutional": ConvolutionalNet,
    "layered": LayeredNet,
    "quanta": QuantaNet,
    "caffenet": CaffeNet,
}
