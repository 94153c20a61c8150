"""The modules of a network as Neyshabur et al. 2020 count them: its first layer, each block, and its head."""

from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.models import zoo
from transferscope.models.transplant import tensors_by_layer


def tensors_by_module(module: nn.Module) -> dict[str, list[str]]:
    """Module -> names of its tensors in the network's state dict, buffers included; the head is the last.

    The others are the layers that can be transferred (see `models.transplant.layers_of`): 18 modules in all for a
    ResNet-50, as in the paper's figure 5.
    """
    head, _ = zoo.head(module)
    tensors = tensors_by_layer(module)
    tensors[head] = [name for name in module.state_dict() if name.startswith(f"{head}.")]
    return tensors


def parameters_by_module(module: nn.Module) -> dict[str, list[str]]:
    """The same without buffers, such as the running statistics of batch norm: nothing that is not learned."""
    learned = dict(module.named_parameters())
    return {part: [name for name in names if name in learned] for part, names in tensors_by_module(module).items()}


def expect_same_shapes(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    """Raise InputError, naming the first tensors that differ, unless two state dicts are of one architecture."""
    wrong = [
        f"{name} is {tuple(other[name].shape) if name in other else 'missing'}, expected {tuple(tensor.shape)}"
        for name, tensor in one.items()
        if name not in other or other[name].shape != tensor.shape
    ]
    wrong += [f"{name} is unknown" for name in other if name not in one]
    if wrong:
        raise InputError(
            f"two networks of different architectures: {'; '.join(wrong[:3])}{'; ...' if len(wrong) > 3 else ''}: "
            "compare networks that are trained on the same task from the same architecture"
        )
