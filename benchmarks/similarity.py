"""Times CKA between all pairs of layers: ours, other tools', and the limit, side by side on the same arrays.

python benchmarks/similarity.py --setting A --scale 0.25
"""

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

SETTINGS = {
    # the wide layers of a convolutional network: 3.8 GB of float32
    "A": {"layers": 60, "examples": 512, "features": (8_192, 16_384, 32_768, 65_536)},
    # many layers of one width: 1.3 GB
    "B": {"layers": 150, "examples": 1_024, "features": (2_048,)},
}
CHECKED_LAYERS = 5


def main() -> None:
    arguments = parsed_arguments()
    # BLAS reads this once, when NumPy is imported
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(arguments.threads)))
    sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))
    setting = SETTINGS[arguments.setting]
    layers = max(CHECKED_LAYERS, round(arguments.scale * setting["layers"]))
    xs = relu_features(layers, setting["examples"], setting["features"])
    print(
        f"setting {arguments.setting}: {layers} layers of n = {setting['examples']} and d = {setting['features']}, "
        f"{sum(x.nbytes for x in xs) / 1e9:.2f} GB of float32, {arguments.threads} thread(s)"
    )
    exact = {debiased: float64_cka(xs[:CHECKED_LAYERS], debiased) for debiased in (False, True)}
    tools = {name: tool for name, tool in TOOLS.items() if name not in arguments.without}
    print(f"{'':24}{'seconds':>9}{'x ours':>8}{'largest error':>15}")
    # a lone thread's processor time, which other processes on the machine disturb little
    clock = time.process_time if arguments.threads == 1 else time.perf_counter
    first = None
    for name, (module, run, debiased) in tools.items():
        if not importlib.util.find_spec(module):
            print(f"{name:24}{'not installed':>17}")
            continue
        # imports do not count
        run([x[:8, :16] for x in xs[:2]], arguments.threads)
        seconds, matrix = best_time(clock, partial(run, xs, arguments.threads), arguments.repeats)
        first = first or seconds
        row = f"{name:24}{seconds:>9.2f}{seconds / first:>8.2f}"
        if matrix is not None:
            row += f"{abs(matrix[:CHECKED_LAYERS, :CHECKED_LAYERS] - exact[debiased]).max():>15.1e}"
        print(row)


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=SETTINGS, default="A")
    parser.add_argument(
        "--scale", type=float, default=0.25, help="share of the setting's layers (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of every tool (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=2, help="the fastest of so many runs counts")
    parser.add_argument("--without", nargs="*", default=[], choices=TOOLS, help="tools to leave out")
    return parser.parse_args()


def relu_features(layers: int, examples: int, widths: tuple[int, ...]) -> list:
    """Features like those behind a ReLU, with a part that all layers share."""
    import numpy as np

    rng = np.random.default_rng(0)
    shared = rng.standard_normal((examples, 1), dtype=np.float32)
    sizes = [(examples, widths[number % len(widths)]) for number in range(layers)]
    return [np.maximum(rng.standard_normal(size, dtype=np.float32) + shared, 0) for size in sizes]


def best_time(clock: Callable, run: Callable, repeats: int) -> tuple[float, object]:
    """Seconds of the fastest of several runs, and the last one's result."""
    times = []
    for _ in range(repeats):
        start = clock()
        result = run()
        times.append(clock() - start)
    return min(times), result


def float64_cka(xs: list, debiased: bool):
    """CKA in float64, pair by pair, by the textbook."""
    import numpy as np

    def hsic(k, m):
        n = len(k)
        if not debiased:
            return (k * m).sum()
        k, m = k - np.diag(k.diagonal()), m - np.diag(m.diagonal())
        return (k * m).sum() + k.sum() * m.sum() / (n - 1) / (n - 2) - 2 / (n - 2) * k.sum(0) @ m.sum(0)

    centred = [x.astype(np.float64) - x.mean(axis=0, dtype=np.float64) for x in xs]
    grams = [x @ x.T for x in centred]
    return np.array([[hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m)) for m in grams] for k in grams])


def transferscope(xs: list, threads: int):
    """Ours; biased and debiased cost the same, as they come from one pass."""
    from transferscope.similarity import cka_matrix

    return cka_matrix(xs, debiased=True)


def bare_products(xs: list, threads: int) -> None:
    """The limit: the symmetric products alone, without centring, scaling, diagonals or checks."""
    import numpy as np

    grams = np.stack([x @ x.T for x in xs]).reshape(len(xs), -1)
    grams @ grams.T


def straightforward(xs: list, threads: int):
    """What one would write in NumPy: centred Gram matrices, flattened, one product; biased and debiased."""
    import numpy as np

    grams = []
    for x in xs:
        centred = x - x.mean(axis=0)
        grams.append(centred @ centred.T)
    flat = np.stack(grams).reshape(len(xs), -1)
    n = len(xs[0])
    biased = flat @ flat.T
    diagonal = np.stack([gram.diagonal() for gram in grams])
    rows = np.stack([gram.sum(axis=0) for gram in grams]) - diagonal
    totals = rows.sum(axis=1)
    debiased = (
        biased - diagonal @ diagonal.T + np.outer(totals, totals) / (n - 1) / (n - 2) - 2 / (n - 2) * rows @ rows.T
    )
    biased, debiased = (m / np.sqrt(np.outer(m.diagonal(), m.diagonal())) for m in (biased, debiased))
    return debiased


def pytorch_cka(xs: list, threads: int):
    """pytorch-cka's HSIC on Gram matrices that are computed once (its `cka_from_features` computes them twice)."""
    import torch
    from cka import hsic

    torch.set_num_threads(threads)
    grams = torch.stack([x @ x.T for x in map(torch.from_numpy, xs)])
    pairs, of_x, of_y = hsic(grams, grams)
    return (pairs / torch.sqrt(of_x[:, None] * of_y)).numpy()


def torch_cka(xs: list, threads: int):
    """torch-cka on a network whose layers hand on the arrays, all examples in one batch."""
    import contextlib
    import io
    import warnings

    import torch
    from torch_cka import CKA

    class Layer(torch.nn.Module):
        def __init__(self, features):
            super().__init__()
            self.features = features

        def forward(self, rows):
            return self.features[rows]

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList([Layer(torch.from_numpy(x)) for x in xs])

        def forward(self, rows):
            return [layer(rows) for layer in self.layers]

    torch.set_num_threads(threads)
    names = [f"layers.{number}" for number in range(len(xs))]
    rows = torch.utils.data.TensorDataset(torch.arange(len(xs[0])))
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        comparison = CKA(Network(), Network(), model1_layers=names, model2_layers=names, device="cpu")
        comparison.compare(torch.utils.data.DataLoader(rows, batch_size=len(xs[0])))
    return comparison.export()["CKA"].numpy()


def rsatoolbox(xs: list, threads: int):
    """rsatoolbox: the whitened cosine of squared Euclidean distances is biased linear CKA."""
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm, compare

    distances = calc_rdm([Dataset(x) for x in xs], method="euclidean")
    return compare(distances, distances, "cosine_cov")


# name: (module that must be installed, function, whether its result is debiased)
TOOLS = {
    "transferscope": ("transferscope", transferscope, True),
    "bare products": ("numpy", bare_products, False),
    "straightforward NumPy": ("numpy", straightforward, True),
    "pytorch-cka": ("cka", pytorch_cka, True),
    "rsatoolbox": ("rsatoolbox", rsatoolbox, False),
    "torch-cka": ("torch_cka", torch_cka, True),
}

if __name__ == "__main__":
    main()
