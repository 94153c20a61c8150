"""CaffeNet, the network of Yosinski et al. 2014, and the learned layers of which it is a stack."""

from collections import OrderedDict

from torch import Tensor, nn

from transferscope.errors import InputError

# Caffe's inputs are pixel values of 0 to 255 less their mean. Ours are divided by their deviation, which is about this
# for ImageNet: without it the Gaussian initial weights would hardly pass anything on.
PIXEL_DEVIATION = 58


class LearnedLayer(nn.Sequential):
    """Weights with what surrounds them up to the next layer's: a layer as Yosinski et al. 2014 count them.

    parts: by name, in the order in which they are applied.
    """

    def __init__(self, **parts: nn.Module):
        super().__init__(OrderedDict(parts))


class CaffeNet(nn.Sequential):
    """Five convolutional and two fully connected layers and a linear head, after Krizhevsky et al. 2012.

    As in the training definition that Yosinski et al. published: max-pooling before local response normalisation, two
    groups in layers 2, 4 and 5 (Li et al. 2016 have none), Gaussian initial weights, and biases that start at 1 where
    they keep units alive.
    Dropout stands in front of the weights that read from it, not behind those it is applied to: the same function, but
    a frozen layer, which is in evaluation mode, leaves the dropout before the first trained layer in force.

    hidden: units of each fully connected layer. groups: of the channels in layers 2, 4 and 5, each of which sees only
    its share of the channels below; 1: none. The paper's images have 227 pixels a side.
    Raises InputError if nothing is left of the image after the last pooling.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        image_size: int,
        hidden: int = 4096,
        dropout: float = 0.5,
        groups: int = 2,
    ):
        super().__init__()
        side = (image_size - 11) // 4 + 1
        for _ in range(3):
            side = (side - 3) // 2 + 1
        if side < 1:
            raise InputError(f"caffenet: expected an image of at least 67 pixels, found {image_size}")
        self.conv1 = _convolution(channels, 96, 11, stride=4, pooled=True, normalised=True)
        self.conv2 = _convolution(96, 256, 5, groups=groups, pooled=True, normalised=True, bias=1)
        self.conv3 = _convolution(256, 384, 3)
        self.conv4 = _convolution(384, 384, 3, groups=groups, bias=1)
        self.conv5 = _convolution(384, 256, 3, groups=groups, pooled=True, bias=1)
        self.fc6 = LearnedLayer(flatten=nn.Flatten(), linear=_linear(256 * side**2, hidden, 0.005, 1), relu=nn.ReLU())
        self.fc7 = LearnedLayer(dropout=nn.Dropout(dropout), linear=_linear(hidden, hidden, 0.005, 1), relu=nn.ReLU())
        self.dropout = nn.Dropout(dropout)
        self.head = _linear(hidden, classes, 0.01, 0)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(PIXEL_DEVIATION * x)


def _convolution(
    inputs: int,
    outputs: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    pooled: bool = False,
    normalised: bool = False,
    bias: float = 0,
) -> LearnedLayer:
    # only the first convolution, which alone has a stride, sees no padding
    padding = kernel // 2 if stride == 1 else 0
    weights = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)
    parts = {"conv": _initialised(weights, 0.01, bias), "relu": nn.ReLU()}
    if pooled:
        parts["pool"] = nn.MaxPool2d(3, 2)
    if normalised:
        parts["norm"] = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)
    return LearnedLayer(**parts)


def _linear(inputs: int, outputs: int, deviation: float, bias: float) -> nn.Linear:
    return _initialised(nn.Linear(inputs, outputs), deviation, bias)


def _initialised(layer: nn.Conv2d | nn.Linear, deviation: float, bias: float) -> nn.Conv2d | nn.Linear:
    nn.init.normal_(layer.weight, std=deviation)
    nn.init.constant_(layer.bias, bias)
    return layer
