"""What Goerttler & Obermayer 2022 claim, predicate by predicate, and what is measured for each.

Where the paper names no layer, a claim is about every convolutional layer: memorising sits in the head.
"""

from dataclasses import dataclass

from transferscope.claims import Claim
from transferscope.claims.similarity.evidence import (
    ALL,
    CONVOLUTIONAL,
    EARLY,
    FIRST_TWO,
    PENULTIMATE,
    Similarity,
    above,
    accuracy_falls,
    accuracy_is_chance,
    early_loss_rises,
    falls_with_depth,
    random_labels_are_learned,
    similarity_trend,
    smaller_gap,
    unmoved,
)
from transferscope.tables.profiles import (
    CROSS,
    CROSS_RANDOM,
    NOISE,
    PRETRAINED,
    RANDOM,
    SAME,
    SHIFTED,
    degrees,
    sizes,
)


@dataclass(frozen=True)
class SimilarityClaim(Claim):
    """A claim, and the parts of its runs whose training accuracy a reader should know.

    These are runs on random or shifted labels if there are any: such labels must be memorised. Of several degrees of
    randomness, the highest speaks for all.
    """

    accuracy_of: tuple[str, ...] = ()


def _to_pre(part: str) -> Similarity:
    return Similarity(part, "pre")


def _to_init(part: str) -> Similarity:
    return Similarity(part, "init")


HARDLY_MOVED = 0.98  # similarity of a layer that hardly changes; the paper gives no number
_MARGIN, _RANK = "smallest margin in CKA", "weakest rank correlation"
_OTHER_IMAGES = "cross-domain similarities are measured on images of the other domain"
_LONG_TRAINING = "at demo scale to be expected after long training only"

CLAIMS = (
    SimilarityClaim(
        "GO-1",
        "pre-training: C(trained, init) falls with depth, conv1 > conv2 > conv3 > conv4",
        _MARGIN,
        falls_with_depth(_to_init(PRETRAINED)),
        accuracy_of=(PRETRAINED,),
    ),
    SimilarityClaim(
        "GO-2", "at a fixed early epoch the training loss rises with d", "rank correlation", early_loss_rises
    ),
    SimilarityClaim(
        "GO-3",
        "final training accuracy: acc(d=9) >= acc(d=0) - 5 points, when trained long enough",
        "difference in accuracy",
        random_labels_are_learned,
        caveat="training ends once the labels are memorised: the verdict says whether they were in time",
        at_demo=_LONG_TRAINING,
        accuracy_of=(NOISE, PRETRAINED),
    ),
    SimilarityClaim("GO-4a", "test accuracy falls with d", "rank correlation", accuracy_falls, accuracy_of=(NOISE,)),
    SimilarityClaim(
        "GO-4b",
        "test accuracy is 10 % ± 1.5 points at d=9",
        "distance of accuracy from chance",
        accuracy_is_chance,
        accuracy_of=(NOISE,),
    ),
    SimilarityClaim(
        "GO-5a",
        "pre-training, conv1 to conv3: C(trained, init) is larger for d=9 than for d=0",
        _MARGIN,
        above(EARLY, (_to_init(NOISE), _to_init(PRETRAINED))),
        accuracy_of=(NOISE,),
    ),
    SimilarityClaim(
        "GO-5b",
        "pre-training, conv1 to conv3: C(trained, init) rises with d",
        _RANK,
        similarity_trend(lambda table: degrees(table, "pretrain"), "d", "init", EARLY, falls=False),
        accuracy_of=(NOISE,),
    ),
    SimilarityClaim(
        "GO-6",
        "random labels, conv1 to conv3: C(trained, init) falls with the number of training images",
        _RANK,
        similarity_trend(sizes, "the number of images", "init", EARLY, falls=True),
        accuracy_of=(NOISE,),
    ),
    SimilarityClaim(
        "GO-7",
        "fine-tuning on CIFAR-10: C(ft, pre) falls with d at every conv layer",
        _RANK,
        similarity_trend(lambda table: degrees(table, "finetune"), "d", "pre", CONVOLUTIONAL, falls=True),
        accuracy_of=(RANDOM,),
    ),
    SimilarityClaim(
        "GO-8",
        "fine-tuning with d=0: C(ft, pre) >= 0.98 at conv1 and conv2",
        "smallest CKA",
        unmoved(FIRST_TWO, _to_pre(SAME), HARDLY_MOVED),
        caveat="the paper says that early layers hardly change; the threshold is ours",
        accuracy_of=(SAME,),
    ),
    SimilarityClaim(
        "GO-9",
        "fine-tuning on noise moves more than noise from scratch: C(ft random, pre) < C(random from init, init)",
        _MARGIN,
        above(CONVOLUTIONAL, (_to_init(NOISE), _to_pre(RANDOM))),
        caveat="the two also differ in the number of training images",
        at_demo=_LONG_TRAINING,
        accuracy_of=(NOISE, RANDOM),
    ),
    SimilarityClaim(
        "GO-10",
        "SVHN: C(ft random, pre) < C(ft true, pre)",
        _MARGIN,
        above(CONVOLUTIONAL, (_to_pre(CROSS), _to_pre(CROSS_RANDOM))),
        accuracy_of=(CROSS_RANDOM,),
    ),
    SimilarityClaim(
        "GO-11",
        "conv1 to conv3, against pre: C(ft same) > C(ft shifted), C(ft SVHN) > C(ft random)",
        _MARGIN,
        above(
            EARLY,
            *((_to_pre(SAME), _to_pre(one)) for one in (SHIFTED, CROSS)),
            *((_to_pre(one), _to_pre(RANDOM)) for one in (SHIFTED, CROSS)),
        ),
        caveat=_OTHER_IMAGES,
        accuracy_of=(RANDOM, SHIFTED),
    ),
    SimilarityClaim(
        "GO-12",
        "conv4, the penultimate layer: C(ft SVHN, pre) < C(ft shifted, pre)",
        _MARGIN,
        above(PENULTIMATE, (_to_pre(SHIFTED), _to_pre(CROSS))),
        caveat=_OTHER_IMAGES,
        accuracy_of=(SHIFTED,),
    ),
    SimilarityClaim(
        "GO-13",
        "CIFAR-10: C(ft, pre) > C(ft, init) at every layer",
        _MARGIN,
        above(ALL, (_to_pre(SAME), _to_init(SAME))),
        accuracy_of=(SAME,),
    ),
    SimilarityClaim(
        "GO-14",
        "random labels unlearn: C(ft, init) > C(ft, pre)",
        _MARGIN,
        above(CONVOLUTIONAL, (_to_init(RANDOM), _to_pre(RANDOM))),
        at_demo="at demo scale to be expected of some layers, and only where the labels are memorised",
        accuracy_of=(RANDOM,),
    ),
    SimilarityClaim(
        "GO-15",
        "shifted labels: C(ft, pre) > C(ft, init)",
        _MARGIN,
        above(CONVOLUTIONAL, (_to_pre(SHIFTED), _to_init(SHIFTED))),
        accuracy_of=(SHIFTED,),
    ),
    SimilarityClaim(
        "GO-16",
        "SVHN: C(ft, pre) > C(ft, init)",
        _MARGIN,
        above(CONVOLUTIONAL, (_to_pre(CROSS), _to_init(CROSS))),
        at_demo="at demo scale not to be expected of the last convolutional layer",
        accuracy_of=(CROSS,),
    ),
    SimilarityClaim(
        "GO-17",
        "the gap C(ft, pre) - C(ft, init) is smaller for shifted labels and SVHN than for the same task",
        "smallest margin in gaps",
        smaller_gap(CONVOLUTIONAL, SAME, SHIFTED, CROSS),
        caveat=_OTHER_IMAGES,
        accuracy_of=(SHIFTED,),
    ),
    SimilarityClaim(
        "GO-18",
        "conclusion: another domain changes earlier layers, conv1 to conv3, more than another task of the same domain: "
        "C(ft SVHN, pre) < C(ft shifted, pre)",
        _MARGIN,
        above(EARLY, (_to_pre(SHIFTED), _to_pre(CROSS))),
        caveat=f"in tension with GO-12, which puts the difference into the penultimate layer; {_OTHER_IMAGES}",
        accuracy_of=(SHIFTED,),
    ),
)
