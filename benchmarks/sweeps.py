"""Times a training step of a QUANTA sweep with more and more networks computed as one, in turn, on one thread.

python benchmarks/sweeps.py --model conv7 --at-once 4 8
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
BATCH = 32
# of a step of each kind; they take turns, so that a machine that slows down slows all of them
ROUNDS, STEPS_A_ROUND = 9, 6


def main() -> None:
    arguments = parsed_arguments()
    sys.path.insert(0, str(ROOT / "workflow" / "scripts"))
    import torch

    torch.set_num_threads(1)
    steps = {at_once: step_of(arguments.model, at_once) for at_once in [1, *arguments.at_once]}
    seconds = {at_once: [] for at_once in steps}
    for _ in range(ROUNDS):
        for at_once, step in steps.items():
            began = time.process_time()
            for _ in range(STEPS_A_ROUND):
                step()
            seconds[at_once].append((time.process_time() - began) / STEPS_A_ROUND)
    print(f"{arguments.model}, batches of {BATCH}, torch {torch.__version__}")
    print(f"{'at once':>8}{'ms a step':>12}{'x one by one':>14}")
    for at_once, found in seconds.items():
        ratio = statistics.median(some / alone for some, alone in zip(found, seconds[1], strict=True))
        print(f"{at_once:8}{1000 * statistics.median(found):12.1f}{ratio:14.2f}")


def step_of(model: str, at_once: int) -> Callable[[], None]:
    """A training step of a sweep of the demo: a gate at each layer from each initial value, and a network without."""
    import torch
    from torch.nn.functional import cross_entropy

    from transferscope import configuration
    from transferscope.models import zoo
    from transferscope.models.gate import GatedNetwork
    from transferscope.models.side_by_side import SideBySide
    from transferscope.models.transplant import layers_of
    from transferscope.training.optimisers import optimiser_of
    from transferscope.training.recipe import Recipe

    config = configuration.load([ROOT / "config" / "config.yaml"])
    torch.manual_seed(0)
    architecture = zoo.architecture(config["models"][model], classes=5)
    source = zoo.create(architecture)
    networks = {
        f"layer{layer}-initial{initial}": GatedNetwork(zoo.create(architecture), layer, initial)
        for layer in range(len(layers_of(source)))
        for initial in config["quanta"]["initial"]
    } | {"scratch": zoo.create(architecture)}
    together = SideBySide(networks, source, gate_learning_rate=0.02, at_once=at_once)
    together.to(memory_format=torch.channels_last).train()
    optimiser = optimiser_of(together, Recipe(**config["quanta"]["recipe"]))
    images = torch.rand(BATCH, architecture["channels"], *2 * [architecture["image_size"]])
    images, labels = images.contiguous(memory_format=torch.channels_last), torch.randint(5, (BATCH,))

    def step() -> None:
        optimiser.zero_grad()
        for outputs in together(images):
            torch.stack([cross_entropy(logits, labels) for logits in outputs.values()]).sum().backward()
        optimiser.step()

    return step


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="conv7", help="a name under `models` of the demo's config")
    parser.add_argument("--at-once", type=int, nargs="+", default=[2, 4, 8, 22], help="networks computed as one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
