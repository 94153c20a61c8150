"""How long passes take on a GPU, by what NVIDIA reports of one network."""

from collections.abc import Iterable

from transferscope.cost.work import Passes

# What NVIDIA reports of training ResNet-50 v1.5 at 224 pixels with PyTorch on one GPU (DeepLearningExamples,
# PyTorch/Classification/ConvNets/resnet50v1.5), by precision: images a second, and on what. Mixed precision there is of
# float16, which these GPUs multiply as fast as bfloat16.
MEASURED = {
    "fp32": (367, "a V100 of 16 GB"),
    "tf32": (938, "an A100 of 80 GB"),
    "bf16": (2470, "an A100 of 80 GB"),
}
# of ResNet-50: operations of a pass forward, and calls of modules without others inside
RESNET50_FLOP, RESNET50_CALLS = 8_178_368_512, 158
# from the same page: a pass forward of one image, in which a GPU has next to nothing to do but to be told
SECONDS_A_CALL = 10.37e-3 / RESNET50_CALLS


def hours(passes: Iterable[Passes], precision: str) -> float:
    """Hours that passes, one after the other, take on a GPU in a precision of the config."""
    return sum(max(each.flop / rate(precision), each.calls * SECONDS_A_CALL) for each in passes) / 3600


def rate(precision: str) -> float:
    """Floating-point operations a second."""
    return 3 * RESNET50_FLOP * MEASURED[precision][0]
