"""The pads' picture shows each pad where its words put it: in front or behind, outside or inside, high or low."""

from __future__ import annotations

import pytest

from estim.protocols.atlas import view_of
from estim.protocols.muscles import muscles

PLACED = [(muscle, place) for muscle in muscles().values() if muscle.region for place in muscle.placements]


def drawn(name: str, side: str = "right") -> tuple[bool, tuple[tuple[float, float], ...]]:
    muscle = muscles()[name]
    view = view_of(muscle.region, side, muscle.placements[0].pads)
    return view.behind, view.pads


def test_a_foot_drops_pads_are_on_the_outer_front_below_the_knee_and_not_on_the_calf() -> None:
    behind, ((x_1, y_1), (x_2, y_2)) = drawn("common-peroneal-nerve")
    assert not behind
    assert max(x_1, x_2) < 0.4  # the right leg as it is faced: its outer side is on the left
    assert y_1 < y_2 < 0.5
    _, left = drawn("common-peroneal-nerve", "left")
    assert min(x for x, _ in left) > 0.6


@pytest.mark.parametrize(
    ("name", "behind"),
    [
        ("quadriceps-femoris", False), ("rectus-femoris", False), ("hamstrings", True), ("tibialis-anterior", False),
        ("tibialis-posterior", False), ("gastrocnemius", True), ("soleus", True), ("peroneus-longus", False),
        ("wrist-extensors", True), ("thumb-extensors", True), ("wrist-flexors", False), ("biceps-brachii", False),
        ("triceps-brachii", True), ("posterior-deltoid", True), ("middle-deltoid", False), ("gluteus-maximus", True),
        ("lumbar-multifidus", True), ("foot-intrinsics", True), ("tibial-nerve-ankle", False),
    ],
)  # fmt: skip
def test_it_is_seen_from_where_the_pads_are(name: str, *, behind: bool) -> None:
    assert drawn(name)[0] is behind


@pytest.mark.parametrize("name", ["thenar", "hand-intrinsics", "tensor-fasciae-latae"])
def test_where_one_picture_would_show_a_pad_wrong_there_is_none(name: str) -> None:
    assert drawn(name)[1] == ()


@pytest.mark.parametrize(("muscle", "place"), PLACED, ids=lambda each: getattr(each, "id", ""))
def test_each_pad_lies_where_its_own_words_say(muscle: object, place: object) -> None:
    region, words = muscle.region, place.pads  # type: ignore[attr-defined]
    view = view_of(region, "right", words)
    if not view.pads:
        return
    for (x, y), text in zip(view.pads, words, strict=True):
        outwards = 1 - x if view.behind else x  # 0 is the outer side of the patient's right
        trunk = region in {"upper-back", "low-back"}
        if trunk:
            assert outwards < 0.45  # on the patient's right, never over the spine
        elif "outer" in text or "lateral" in text:
            assert outwards < 0.5
        elif "inner" in text or "medial" in text:
            assert outwards > 0.5
        if "above the" in text and ("knee" in text or "patella" in text or "elbow" in text):
            assert y > 0.3
        if "below the knee" in text or "fibular head" in text:
            assert y < 0.5
    assert view.pads[0] != view.pads[1]
