"""What the section of Orhand et al. 2021 asks of others."""

import pytest
from valid_config import VALID


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        (
            "quanta: {targets: {AnA: second}}",
            "quanta.targets.AnA: expected 'first', as quanta.source (AnA is the source's own task), found 'second'",
        ),
        (
            "quanta: {layers: [0, 2, 3]}",
            "quanta.layers[2]: expected at most 2, as model 'gated' has 3 layers below its head, the first being 0, "
            "found 3",
        ),
        (
            "quanta: {controls: {initial: 0.75}}",
            "quanta.controls.initial: expected one of quanta.initial ([0.9, 0.5]), from which gates to the trained "
            "source start, too, found 0.75",
        ),
        (
            "quanta: {sensitivity: {initial: 0.75}}",
            "quanta.sensitivity.initial: expected one of quanta.initial ([0.9, 0.5]), from which gates at the usual "
            "rate start, too, found 0.75",
        ),
        (
            "quanta: {joint: {split: dissimilar}}",
            "quanta.joint.split: expected a split with the treatments transfer and transfer+ (gates are compared with "
            "both), found 'dissimilar', which has random, transfer",
        ),
        (
            "anb: {layers: [1, 2]}",
            "anb.layers: expected 3 among them (quanta.joint compares with networks all of whose layers are copied), "
            "found [1, 2]",
        ),
        (
            "quanta: {seeds: [1, 2]}",
            "quanta.seeds[1]: expected one of anb.seeds ([0, 1]), as quanta.joint gates the base networks of the same "
            "seed, found 2",
        ),
    ],
)
def test_what_quanta_sets_side_by_side_can_be_compared(fragment, expected, config_errors):
    assert config_errors(VALID, fragment) == [f"config2.yaml:1: {expected}"]


def test_gates_on_base_networks_need_the_section_that_trains_them(config_errors):
    text = VALID[: VALID.index("anb:")] + VALID[VALID.index("quanta:") :]
    (message,) = config_errors(text)
    assert message.endswith("quanta.joint: expected a section anb, whose base networks are the sources, found none")


def test_without_gates_on_base_networks_anb_is_as_free_as_without_quanta(load_config):
    text = VALID[: VALID.index("  joint:")]
    quanta = load_config(text, "anb: {layers: [1]}\nquanta: {seeds: [5]}")["quanta"]
    assert quanta["seeds"] == [5]


@pytest.mark.parametrize(
    ("model", "layers"),
    [
        ("{library: small, name: caffenet}", 7),
        ("{library: small, name: quanta, options: {widths: [1, 1, 1, 1]}}", 5),
        ("{library: timm, name: resnet10t}", None),
        ("{library: small, name: quanta}", None),
    ],
)
def test_layers_are_checked_where_the_config_tells_how_many_there_are(model, layers, load_config, config_errors):
    fragment = f"models: {{other: {model}}}\nquanta: {{model: other, layers: [LAST]}}"
    load_config(VALID, fragment.replace("LAST", str(99 if layers is None else layers - 1)))
    if layers is not None:
        (message,) = config_errors(VALID, fragment.replace("LAST", str(layers)))
        assert f"model 'other' has {layers} layers below its head" in message
