import pytest

from detector.simulate import CLASSES, DEFAULT_MIXTURE, LABELS

HARNESSES = {
    "spoofed_partial",
    "spoofed_full",
    "imitation",
    "fake_telemetry",
    "riding",
    "relay_pool",
    "person_on_harness",
    "rotated_farm",
    "slow_drip",
    "light_rider",
    "office_hours_imitation",
}
EVENTS = {"new_product"}


def test_names_are_distinct_and_labels_known():
    assert len({one.name for one in CLASSES}) == len(CLASSES) == 34
    assert {one.label for one in CLASSES} == set(LABELS)


def test_harnesses_are_exactly_the_classes_to_be_found():
    assert {one.name for one in CLASSES if one.label == "harness"} == HARNESSES


def test_default_mixture_holds_few_harnesses_and_no_event():
    assert sum(DEFAULT_MIXTURE.values()) == pytest.approx(1.0)
    assert sum(DEFAULT_MIXTURE[name] for name in HARNESSES) == pytest.approx(0.066)
    assert {name for name, share in DEFAULT_MIXTURE.items() if share == 0} == EVENTS
