from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from acetate.change import ABSENT
from app.web.diff import MOST_LINES, Block, Diff, diff
from app.web.json_lines import Place, lines

ROOT = Place("$")


def told(found: Diff) -> list[tuple[str, list[str], list[str]]]:
    """The unequal blocks: whether in focus, what was, what is now."""
    return [
        ("focus" if block.focus else "aside", _texts(block.old), _texts(block.new))
        for block in found.blocks
        if not block.equal
    ]


def _texts(found) -> list[str]:
    return ["".join(token.text for token in line.tokens) for line in found]


def test_a_value_that_changed_stands_beside_what_it_was():
    found = diff({"a": 1, "b": "eos"}, {"a": 1, "b": "stop"}, place=ROOT, focus=["$.b"])
    assert told(found) == [("focus", ['"b": "eos"'], ['"b": "stop"'])]


def test_a_field_that_is_gone_has_nothing_beside_it():
    found = diff({"a": 1, "usage": {"x": "<int>"}}, {"a": 1}, place=ROOT, focus=["$.usage"])
    assert told(found) == [("focus", ['"usage": {', '"x": integer', "}"], [])]


def test_what_belongs_to_another_change_is_not_in_focus():
    found = diff({"a": 1, "m": 0, "b": 1}, {"a": 2, "m": 0, "b": 2}, place=ROOT, focus=["$.b"])
    assert [each[0] for each in told(found)] == ["aside", "focus"]


def test_neighbours_of_which_one_is_in_focus_are_two_blocks():
    found = diff({"a": 1, "b": 1}, {"a": 2, "b": 2}, place=ROOT, focus=["$.a"])
    assert told(found) == [("focus", ['"a": 1'], ['"a": 2']), ("aside", ['"b": 1'], ['"b": 2'])]


def test_both_ends_of_what_was_renamed_are_in_focus():
    found = diff({"title": "<text>", "x": 1}, {"name": "<text>", "x": 1}, place=ROOT, focus=["$.title", "$.name"])
    assert {each[0] for each in told(found)} == {"focus"}


def test_an_object_in_place_of_a_scalar_is_shown_whole():
    found = diff({"a": "x"}, {"a": {"b": 1}}, place=ROOT)
    assert told(found) == [("aside", ['"a": "x"'], ['"a": {', '"b": 1', "}"])]


def test_a_list_that_became_empty_is_one_difference():
    found = diff({"a": ["<text>", "n ≥ 1"]}, {"a": []}, place=ROOT, focus=["$.a"])
    assert told(found) == [("focus", ['"a": [', "text", "one or more of these", "]"], ['"a": []'])]


def test_an_item_that_was_put_in_front_moves_nothing():
    found = diff([{"k": 1}, {"k": 2}], [{"k": 0}, {"k": 1}, {"k": 2}], place=ROOT)
    assert told(found) == [("aside", [], ["{", '"k": 0', "}"])]


def test_whole_numbers_booleans_and_fractions_are_three_things():
    assert not diff([1], [True], place=ROOT).is_equal
    assert not diff({"a": 1}, {"a": 1.0}, place=ROOT).is_equal


def test_a_side_that_is_absent_leaves_the_other():
    assert told(diff(ABSENT, 1, place=ROOT)) == [("aside", [], ["1"])]
    assert told(diff({}, ABSENT, place=ROOT)) == [("aside", ["{}"], [])]


def test_what_is_equal_is_folded_but_for_its_context_and_what_the_difference_is_inside_of():
    old = {"deep": {f"k{n:02}": 0 for n in range(40)}}
    new = {"deep": {**old["deep"], "k30": 1}}
    found = diff(old, new, place=ROOT)
    shown = [block for block in found.blocks if not block.folded]
    assert _texts(shown[0].old) == ["{", '"deep": {']
    assert [len(block.old) for block in shown[1:]] == [3, 1, 3]
    folded = [block for block in found.blocks if block.folded]
    assert [len(block.old) for block in folded] == [27, 8]


def test_one_hidden_line_is_shown_rather_than_folded():
    old = {f"k{n}": 0 for n in range(8)}
    found = diff(old, {**old, "k0": 1, "k7": 1}, place=ROOT)
    assert not any(block.folded for block in found.blocks)


def test_values_that_are_equal_are_shown_whole():
    found = diff({"a": 1}, {"a": 1}, place=ROOT)
    assert found.is_equal
    assert not found.has_focus
    assert len(found.blocks) == 1


def test_a_value_of_any_length_is_cut():
    found = diff({}, {f"k{n}": n for n in range(MOST_LINES + 10)}, place=ROOT)
    assert [block.cut for block in found.blocks] == [0, 12]
    assert sum(len(block.new) for block in found.blocks) == MOST_LINES


def test_a_change_far_down_is_shown_however_long_the_rest_is():
    old = {f"k{n:05}": "<int>" for n in range(MOST_LINES * 2)}
    found = diff(old, {**old, "k07990": "<text>"}, place=ROOT, focus=["$.k07990"])
    assert not found.is_equal
    assert told(found) == [("focus", ['"k07990": integer'], ['"k07990": text'])]
    assert sum(len(block.new) for block in found.blocks) == MOST_LINES


def test_what_is_in_focus_is_cut_last():
    old = {f"k{n:05}": 1 for n in range(MOST_LINES * 2)}
    new = {**dict.fromkeys(old, 2), "last": 1}
    found = diff(old, new, place=ROOT, focus=["$.last"])
    assert [each for each in told(found) if each[0] == "focus"] == [("focus", [], ['"last": 1'])]


def test_what_differs_only_where_it_is_cut_is_not_equal(monkeypatch):
    monkeypatch.setattr("app.web.diff.MOST_COMPARED", 50)
    old = {f"k{n:05}": 1 for n in range(100)}
    assert not diff(old, {**old, "k00099": 2}, place=ROOT).is_equal
    assert diff(old, dict(old), place=ROOT, focus=["$.k00099"]).has_focus is False


def test_other_changes_that_are_far_away_are_folded():
    old = {f"k{n:03}": 1 for n in range(100)}
    found = diff(old, dict.fromkeys(old, 2), place=ROOT, focus=["$.k050"])
    assert [(each.folded, each.is_equal, each.length) for each in found.stretches] == [
        (False, True, 1),
        (True, False, 47),
        (False, False, 7),
        (True, False, 47),
    ]


def test_two_long_lists_without_a_common_item_are_taken_in_order():
    found = diff([f"a{n}" for n in range(1500)], [f"b{n}" for n in range(1500)], place=ROOT)
    assert sum(len(block.old) for block in found.blocks if not block.equal) == 1500


def test_what_is_nested_beyond_reason_is_said_to_be():
    deep: object = 0
    for _ in range(3000):
        deep = [deep]
    found = diff(deep, 1, place=ROOT)  # type: ignore[arg-type]
    assert _texts(found.blocks[0].old) == ["nested too deeply to be shown"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["<text>", "stop", "eos", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


@given(json_values, json_values)
def test_each_side_can_be_read_back_from_the_difference(old, new):
    def side(found: Diff, of) -> list:
        return [line for block in found.blocks for line in of(block)]

    found = diff(old, new, place=ROOT)
    canonical = [json.dumps(each, sort_keys=True) for each in (old, new)]
    assert found.is_equal == (canonical[0] == canonical[1])
    assert side(found, lambda block: block.old) == list(lines(old, ROOT))
    assert side(found, lambda block: block.new) == list(lines(new, ROOT))
    assert all(isinstance(block, Block) for block in found.blocks)
