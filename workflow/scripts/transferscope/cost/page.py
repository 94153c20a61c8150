"""The page that tells what a config costs, as Markdown: a table, and what it takes for granted."""

from collections.abc import Mapping, Sequence

from transferscope.cost.papers import PAPERS, Sizes, quanta_parts
from transferscope.cost.speed import MEASURED, SECONDS_A_CALL, hours, rate
from transferscope.cost.work import Work, images_in_split
from transferscope.data.known import SPLITS, size_of

# loaders of images with one channel
GREY = ("fashion_mnist_sample", "digits", "textures", "FashionMNIST", "CheXpert")
HOURS = ("EFLOP", *(f"hours {precision}" for precision in MEASURED))
HEADINGS = ("", "networks", "jobs", "with a GPU", *HOURS, "kept", "scratch", "state")
PAGE = """# What a run costs

Derived from the config by a command, and not measured: `snakemake --cores 1 cost --configfile {configfile}`
writes this page as `results/cost.md`. Scale: {scale}. Hours are of one GPU; jobs run side by side where there are more.

{table}
{parts}
- **networks**: trained ones, each seed counted. **jobs**: what `snakemake -n` counts before anything is there.
  **with a GPU**: those of them that train or capture.
- **EFLOP**: 10^18 floating-point operations, a multiply-add counted as two, of convolutions and matrix products: for
  each image trained on a pass forward and one backward of twice as much, which stops at frozen layers; for each image
  tested or shown a pass forward; for captures as many passes as memory asks for, and the Gram matrices. Runs that go on
  until they have memorised their labels are counted at their longest. Measures, mappings and figures are the CPU's.
- **hours**, by the config's `precision`: operations at the rate at which one GPU trains ResNet-50 at 224 pixels, as
  NVIDIA reports it (DeepLearningExamples, ResNet-50 v1.5 for PyTorch):
{rates}
  - and at least {call:.0f} µs for each call of a layer, forward or backward, as one image takes them through ResNet-50
    there (10.37 ms on a V100): small images and small batches are bound by this.

  Taken for granted is that other architectures reach the same rate, and that images arrive as fast as they are asked
  for; deterministic kernels and optimisers come on top. Expect to be off by a factor of two, and measure one run before
  you ask for hours.
- **kept**: checkpoints, prepared images and Gram matrices that stay under `results/`. CKA matrices, tables and figures
  are next to nothing; downloads come on top.
  **scratch**: Gram matrices and correlations that go when they have been compared, as many as there are at one time.
  **state**: what the largest training keeps to go on from, weights and what the optimiser remembers of them, and twice
  as much while it writes the next. Each job under way has one; it goes when the training ends.
"""
PARTS = """
`snakemake quanta` alone also trains all networks of `anb`, where the config has it: Figure 4 (c) shows their accuracy,
and `joint` puts gates on its base networks. What of `quanta` itself is the paper's, and what is not:

{table}
"""


def page(config: Mapping, sizes: Sizes, configfile: str) -> str:
    """The page for a config. configfile: the file's name, for the reader."""
    rates = [
        f"  - {precision}: {speed:,} images/s on {gpu}, which are {rate(precision) / 1e12:.1f} TFLOP/s;"
        for precision, (speed, gpu) in MEASURED.items()
    ]
    return PAGE.format(
        configfile=configfile,
        scale=config["scale"],
        table=table(costs(config, sizes)),
        parts=PARTS.format(table=parts_table(quanta_parts(config, sizes))) if "quanta" in config else "",
        rates="\n".join(rates),
        call=1e6 * SECONDS_A_CALL,
    )


def costs(config: Mapping, sizes: Sizes) -> dict[str, Work]:
    """What each part of the workflow comes to, by name: the images, each paper of the config, and the report on all."""
    parts = {"images": _images(config)}
    parts |= {paper: work(config, sizes) for paper, work in PAPERS.items() if paper in config}
    # the resolved config, the report, and the target `all`
    return parts | {"report": Work(jobs=3)}


def _images(config: Mapping) -> Work:
    """Every dataset, fetched where it has files of its own, and prepared."""
    datasets = config["datasets"].values()
    work = Work(jobs=len(datasets) + sum("root" in dataset for dataset in datasets))
    for dataset in datasets:
        counts = [images_in_split(dataset, split) for split in SPLITS[dataset["loader"]]]
        channels = 1 if dataset["loader"] in GREY else 3
        work.kept += sum(filter(None, counts)) * channels * size_of(dataset) ** 2
    return work


def table(parts: Mapping[str, Work]) -> str:
    """The parts and their sum as a Markdown table."""
    rows = [_row(name, work) for name, work in parts.items()]
    works = parts.values()
    total = Work(
        networks=sum(work.networks for work in works),
        jobs=sum(work.jobs for work in works),
        gpu_jobs=sum(work.gpu_jobs for work in works),
        passes=[passes for work in works for passes in work.passes],
        kept=sum(work.kept for work in works),
        scratch=sum(work.scratch for work in works),
        state=max(work.state for work in works),
    )
    return _lines(HEADINGS, [*rows, _row("**all**", total)])


def parts_table(parts: Mapping[str, Work]) -> str:
    """Networks, operations and hours of the parts of a paper as a Markdown table."""
    return _lines(
        ("", "networks", *HOURS), [(name, f"{work.networks:,}", *_time(work)) for name, work in parts.items()]
    )


def _lines(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ("---", *["---:"] * (len(headings) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(name: str, work: Work) -> tuple[str, ...]:
    counts = (f"{count:,}" for count in (work.networks, work.jobs, work.gpu_jobs))
    return name, *counts, *_time(work), *map(_in_gigabytes, (work.kept, work.scratch, work.state))


def _time(work: Work) -> tuple[str, ...]:
    """Operations, and hours in each precision."""
    return f"{work.flop / 1e18:,.2f}", *(f"{hours(work.passes, precision):,.0f}" for precision in MEASURED)


def _in_gigabytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size else ""
