"""What Orhand et al. 2021 claim, predicate by predicate, what is measured for each, and the controls that we add."""

from dataclasses import dataclass

from transferscope.claims import Claim
from transferscope.claims.quanta import evidence
from transferscope.tables.gates import GATE, SHARE
from transferscope.terms.quanta import ANA, ANB, PERMUTED, UNTRAINED


@dataclass(frozen=True)
class GateClaim(Claim):
    """A claim about how open gates are, judged by λ_S; by the functional share, the verdict may be another one."""


_GATE, _DISTANCE = "smallest difference in λ_S", "distance in accuracy"
_RESCALED = "λ_S of different layers depends on the scale of their weights"
_OTHER_TASK = "at demo scale not comparable: B is another task"
_NO_DIP = "not to be expected at demo scale: the dip is one of a large net, in a small one gates close with depth"
_NO_FALL = "not to be expected at demo scale: with few steps on few images, gates rise from here"

CLAIMS = (
    Claim(
        "QU-1",
        "AnA: mean accuracy over layers is within 2 points of the source's (.849 and .84)",
        _DISTANCE,
        evidence.near_the_source,
    ),
    Claim("QU-2a", "AnB: mean accuracy over layers is about .57", _DISTANCE, evidence.accuracy_of_anb),
    Claim(
        "QU-2b",
        "AnB: mean accuracy over layers is far below the source's .84",
        "difference in accuracy",
        evidence.far_below_the_source,
    ),
    GateClaim(
        "QU-3a",
        "AnB: the gate ends lowest at the last layer, 6",
        _GATE,
        evidence.lowest_at_the_top,
        caveat=_RESCALED,
    ),
    GateClaim(
        "QU-3b",
        "AnB: the drop of the gate at the last layer is marked, the steepest from one layer to the next",
        "smallest difference of falls in λ_S",
        evidence.steepest_at_the_top,
        caveat=_RESCALED,
    ),
    GateClaim(
        "QU-4",
        "AnA: the gate ends lower at layer 3 than at layers 2 and 4",
        _GATE,
        evidence.dip_in_the_middle,
        caveat=_RESCALED,
        at_demo=_NO_DIP,
    ),
    Claim(
        "QU-5a",
        "AnB: accuracy declines with depth: its regression line over layers falls",
        "slope of accuracy a layer",
        evidence.accuracy_declines,
        at_demo=_OTHER_TASK,
    ),
    Claim(
        "QU-5b",
        "AnB: accuracy declines slightly: from the first layer to the last it falls by less than 5 points",
        "difference in accuracy",
        evidence.declines_slightly,
        at_demo=_OTHER_TASK,
    ),
    Claim(
        "QU-6",
        "accuracy does not depend on the gate's initial value: it ranges over less than 2 points at every layer",
        "largest difference in accuracy",
        evidence.initials_differ_little,
    ),
    GateClaim(
        "QU-7",
        "the gate ends the higher, the higher its initial value, at every layer and for both tasks",
        _GATE,
        evidence.rises_with_the_initial,
    ),
    GateClaim(
        "QU-8",
        "from .50, the gate rises for 10 of 60 epochs or more, at every layer and for both tasks",
        "smallest rise of λ_S in an epoch",
        evidence.rises_early,
    ),
    GateClaim(
        "QU-9",
        "AnB, from .50: the gate of the last layer rises first and falls later: it is higher after one epoch than at "
        "the start, and higher on its way than at the start and at the end",
        _GATE,
        evidence.rises_and_falls,
    ),
    GateClaim(
        "QU-10",
        "from .75, the gate falls quickly: it is lower after one epoch already, at every layer and for both tasks",
        "largest change of λ_S in the first epoch",
        evidence.falls_at_once,
        at_demo=_NO_FALL,
    ),
    Claim(
        "QU-11a",
        "a gate does not harm training: the loss falls at every layer and for both tasks",
        "smallest fall of the loss",
        evidence.improves("loss", -1, "loss is lower"),
    ),
    Claim(
        "QU-11b",
        "a gate does not harm training: accuracy rises at every layer and for both tasks",
        "smallest rise of accuracy",
        evidence.improves("top1", 1, "accuracy is higher"),
    ),
    Claim("QU-12", "AnB, from .90: the gate of layer 0 ends at about .97", "distance in λ_S", evidence.first_gate),
    GateClaim(
        "QU-13",
        "AnB: gates of the lower half of layers end higher, in the mean, than those of the upper half (from general to "
        "specific)",
        "difference in mean λ_S",
        evidence.open_below_closed_above,
        caveat=_RESCALED,
    ),
    Claim(
        "QU-C1a",
        "a control of ours: AnB's gate to an untrained source ends lower than to the trained one, at every layer",
        _GATE,
        evidence.less_open_to(UNTRAINED, GATE),
    ),
    Claim(
        "QU-C1b",
        "a control of ours: less of a layer's input comes from an untrained source than from the trained one, at every "
        "layer",
        "smallest difference in functional share",
        evidence.less_open_to(UNTRAINED, SHARE),
    ),
    Claim(
        "QU-C2a",
        "a control of ours: AnB's gate to a source trained on permuted labels ends lower than to that trained on true "
        "ones, at every layer",
        _GATE,
        evidence.less_open_to(PERMUTED, GATE),
    ),
    Claim(
        "QU-C2b",
        "a control of ours: less of a layer's input comes from a source trained on permuted labels than from that "
        "trained on true ones, at every layer",
        "smallest difference in functional share",
        evidence.less_open_to(PERMUTED, SHARE),
    ),
    Claim(
        "QU-C3",
        "a control of ours: AnB's mean accuracy over layers is above that of a network without a source",
        "difference in accuracy",
        evidence.better_than_scratch(ANB),
    ),
    Claim(
        "QU-C4",
        "a control of ours: AnA's mean accuracy over layers is above that of a network without a source",
        "difference in accuracy",
        evidence.better_than_scratch(ANA),
    ),
)
