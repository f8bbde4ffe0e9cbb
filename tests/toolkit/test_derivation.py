"""Contracts from approved snapshots: the same ones, in any order, give the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetate.body import Json
from acetate.cassette import Cassette
from acetate.contract import Contract, Schema, pinned_in
from acetate.derivation import Sample, derive
from acetate.mask import forms, mask
from acetate.profile import profiles
from acetate.provider import Operation, Providers, RuleNode, Rules, operation, rules
from acetate.snapshot import Observation, observe
from acetate.violation import Validator
from tests.toolkit.bodies import RULES, objects, rule_sets, values

CALL = Operation("generic", "POST /things")
NOTHING = Rules(RuleNode(), {})


def sample(body: Json, model: str | None = "m", rules: Rules = RULES) -> Sample:
    return Sample(model, {"content-type": "application/json"}, (mask(body, rules),), recorded="2026-01-01")


def streamed(*events: Json, model: str | None = "m", terminator: str | None = "[DONE]", reply: Json = None) -> Sample:
    masked = forms([mask(each, RULES) for each in events])[:-1]
    return Sample(model, {"content-type": "text/event-stream"}, tuple(masked), mask(reply, RULES), terminator)


def contract(*samples: Sample, rules: Rules = RULES, pinned: dict[str, Schema] | None = None) -> Schema:
    stream = any(each.terminator for each in samples)
    return derive(CALL, 200, stream, samples, rules, pinned or {})


def as_bytes(document: Schema) -> bytes:
    return json.dumps(document, sort_keys=True).encode()


def at(document: Schema, path: str) -> Schema:
    return Contract(document).facts[path].schema


def refusals(document: Schema, body: Json) -> list[str]:
    """What either validator says against a body, formats included."""
    said = [error.message for error in jsonschema.Draft202012Validator(document).iter_errors(body)]
    quick = jsonschema_rs.Draft202012Validator(document, validate_formats=True)
    return said + [str(error) for error in quick.iter_errors(body)]


models = st.sampled_from(["a", "b", None])
samples = st.builds(sample, objects, models)


@given(st.lists(samples, min_size=1, max_size=6).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_of_the_snapshots_makes_no_difference(both: tuple[list[Sample], list[Sample]]) -> None:
    one, other = both
    assert as_bytes(contract(*one)) == as_bytes(contract(*other))


@given(st.lists(st.lists(objects, min_size=1, max_size=3), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_streams_makes_no_difference(streams: list[list[Any]], random: Any) -> None:
    some = [streamed(*events, reply=events[0]) for events in streams]
    mixed = random.sample(some, len(some))
    assert as_bytes(contract(*some)) == as_bytes(contract(*mixed))


def test_more_snapshots_than_are_merged_at_once_are_counted_all() -> None:
    some = [sample({"id": "x", **({"text": "t"} if number % 2 else {})}) for number in range(601)]
    assert at(contract(*some), "$.text")["x-acetate"]["presence"] == "300 of 601"


@given(st.lists(st.tuples(objects | values, models), min_size=1, max_size=5), rule_sets)
def test_every_approved_body_keeps_to_the_contract_that_was_derived_from_it(some: list[Any], rules: Rules) -> None:
    document = contract(*(sample(body, model, rules) for body, model in some), rules=rules)
    jsonschema.Draft202012Validator.check_schema(document)
    assert jsonschema_rs.meta.is_valid(document)
    for body, _ in some:
        assert refusals(document, body) == []


@given(st.lists(st.tuples(objects, rule_sets), min_size=1, max_size=4), rule_sets)
def test_snapshots_of_older_profiles_keep_to_the_contract_too(some: list[Any], today: Rules) -> None:
    document = contract(*(sample(body, "m", older) for body, older in some), rules=today)
    for body, _ in some:
        assert refusals(document, body) == []


def test_a_property_that_was_always_there_is_required() -> None:
    document = contract(sample({"id": "x", "text": "t"}), sample({"id": "y"}))
    assert document["required"] == ["id"]
    assert at(document, "$.id")["x-acetate"] == {"presence": "2 of 2"}
    assert at(document, "$.text")["x-acetate"] == {"presence": "1 of 2"}


def test_presence_is_told_by_model_where_it_is_not_whole() -> None:
    document = contract(sample({"id": "x", "text": "t"}, "a"), sample({"id": "y"}, "b"), sample({"id": "z"}, None))
    assert at(document, "$.text")["x-acetate"]["models"] == {"a": "1 of 1", "b": "0 of 1", "(no model)": "0 of 1"}
    assert "models" not in at(document, "$.id")["x-acetate"]


@pytest.mark.parametrize(
    ("bodies", "type_"),
    [
        ([{"x": 1}, {"x": None}], ["integer", "null"]),
        ([{"x": 1}, {"x": 1.5}], "number"),
        ([{"x": 2**70}], "integer"),
        ([{"x": 1.0}], "number"),
        ([{"x": True}, {"x": "a"}], ["boolean", "string"]),
        ([{"x": []}, {"x": {}}], ["array", "object"]),
    ],
)
def test_types_are_all_that_were_seen(bodies: list[Any], type_: Any) -> None:
    assert at(contract(*map(sample, bodies)), "$.x")["type"] == type_


def test_an_array_that_never_was_empty_has_to_hold_something() -> None:
    assert at(contract(sample({"x": [1]})), "$.x")["minItems"] == 1
    assert "minItems" not in at(contract(sample({"x": [1]}), sample({"x": []})), "$.x")
    assert at(contract(sample({"x": [1, "a"]})), "$.x[]")["type"] == ["integer", "string"]


def test_strings_that_are_all_times_have_a_format() -> None:
    whole, partly = {"created_at": "2026-01-01T00:00:00Z"}, {"created_at": "yesterday"}
    assert at(contract(sample(whole)), "$.created_at")["format"] == "date-time"
    assert "format" not in at(contract(sample(whole), sample(partly)), "$.created_at")


def test_strings_that_are_all_json_text_say_so() -> None:
    assert at(contract(sample({"arguments": "{}"})), "$.arguments")["contentMediaType"] == "application/json"
    assert "contentMediaType" not in at(
        contract(sample({"arguments": "{}"}), sample({"arguments": "-"})), "$.arguments"
    )


def test_what_is_always_the_same_is_a_constant() -> None:
    assert at(contract(sample({"object": "list"})), "$.object")["const"] == "list"
    assert at(contract(sample({"object": "list"}), sample({"object": "page"})), "$.object")["enum"] == ["list", "page"]
    assert at(contract(sample({"object": "list"}), sample({"object": None})), "$.object")["enum"] == ["list", None]


def test_an_enum_lists_what_was_seen_where_the_profile_says_so() -> None:
    document = contract(sample({"status": "stop", "text": "a"}), sample({"status": "eos", "text": "b"}))
    assert at(document, "$.status")["enum"] == ["eos", "stop"]
    assert "enum" not in at(document, "$.text")


def test_values_are_listed_by_model_only_where_models_differ() -> None:
    alike = contract(sample({"status": "stop"}, "a"), sample({"status": "stop"}, "b"))
    assert "values" not in at(alike, "$.status")["x-acetate"]
    apart = contract(sample({"status": "stop"}, "a"), sample({"status": "eos"}, "b"), sample({"status": None}, "c"))
    assert at(apart, "$.status")["x-acetate"]["values"] == {"a": ["stop"], "b": ["eos"]}


def test_numbers_that_are_shown_are_listed_too() -> None:
    document = contract(sample({"status": 404}), sample({"status": 2**70}), sample({"status": "stop"}))
    assert at(document, "$.status")["enum"] == ["stop", 2**70, 404]
    assert "enum" not in at(contract(sample({"status": 1}), sample({"status": True})), "$.status")


@pytest.mark.parametrize("other", ["<text>", "<int>", {"<json>": {}}])
def test_an_enum_is_written_only_where_every_value_is_known(other: Json) -> None:
    older = Sample("m", {}, ({"status": other},))
    assert "enum" not in at(contract(sample({"status": "stop"}), older), "$.status")


def test_more_values_than_anybody_lists_are_no_enum() -> None:
    document = contract(*(sample({"status": f"s{number}"}) for number in range(65)))
    assert "enum" not in at(document, "$.status")


def test_a_map_says_what_its_values_are() -> None:
    rules = Rules(RuleNode(children={"scores": RuleNode(is_map=True)}), {})
    document = contract(
        sample({"scores": {"x": 1}}, rules=rules), sample({"scores": {"y": 0.5}}, rules=rules), rules=rules
    )
    assert at(document, "$.scores{*}") == {"type": "number"}


def test_an_object_that_an_older_profile_took_for_a_map_stays_one() -> None:
    older = Rules(RuleNode(children={"usage": RuleNode(is_map=True)}), {})
    document = contract(sample({"usage": {"a": 1}}, rules=older), sample({"usage": {"a": "x", "b": 1}}), rules=RULES)
    assert "properties" not in at(document, "$.usage")
    assert at(document, "$.usage{*}")["type"] == ["integer", "string"]


def test_the_evidence_is_that_of_whole_exchanges() -> None:
    first = sample({"id": "x"}, "a")
    second = sample({"id": "x"}, "a")._replace(headers={"content-type": "application/json", "x-id": "<text>"})
    third = sample({"id": "x"}, "b")._replace(recorded="2026-03-01", headers={})
    assert contract(first, second, third)["x-acetate"] == {
        "version": 1,
        "provider": "generic",
        "operation": "POST /things",
        "status": 200,
        "stream": False,
        "exchanges": 3,
        "models": {"a": 2, "b": 1},
        "media_types": ["application/json"],
        "headers": {"content-type": "2 of 3", "x-id": "1 of 3"},
        "recorded": {"first": "2026-01-01", "last": "2026-03-01"},
    }


def test_a_stream_tells_in_which_part_a_path_comes() -> None:
    first, middle, final = {"id": "x", "role": "a"}, {"id": "x", "text": "t"}, {"id": "x", "usage": {"n": 1}}
    document = contract(streamed(first, middle, final, reply={"text": "t"}))
    phases = {path: at(document, path)["x-acetate"]["phase"] for path in ("$.id", "$.role", "$.text", "$.usage")}
    assert phases == {"$.id": "every", "$.role": "first", "$.text": "some", "$.usage": "last"}
    assert document["x-acetate"]["terminator"] == {"[DONE]": "1 of 1"}
    assert document["$defs"]["reply"]["required"] == ["text"]
    assert document["title"] == "generic:POST /things 200 stream"


def test_streams_that_disagree_on_the_part_say_so() -> None:
    one, other = {"id": "x", "usage": 1}, {"id": "x"}
    document = contract(streamed(one, other), streamed(other, one))
    assert at(document, "$.usage")["x-acetate"]["phase"] == "some"


def test_a_value_in_an_array_has_a_part_too() -> None:
    document = contract(streamed({"id": "x", "tags": [{"role": "a"}]}, {"id": "x", "tags": []}))
    assert at(document, "$.tags[].role")["x-acetate"]["phase"] == "first"


PINNED: Schema = {"type": "string", "pattern": "^o", "x-acetate": {"pinned": True}}


@given(
    st.lists(samples, max_size=3), st.permutations(["$.id", "$.usage.deep", "$.tags[]", "$.status{*}", "$reply.text"])
)
def test_what_a_person_wrote_survives_whatever_is_seen(some: list[Sample], paths: list[str]) -> None:
    pinned = dict.fromkeys(paths, PINNED)
    document = contract(*some, pinned=pinned)
    assert pinned_in(document) == pinned
    again = contract(*some, pinned=pinned_in(document))
    assert as_bytes(again) == as_bytes(document)


def test_a_whole_contract_can_be_written_by_a_person() -> None:
    document = contract(sample({"id": 7}), pinned={"$": {"type": "object", "x-acetate": {"pinned": True}}})
    assert document["type"] == "object"
    assert "properties" not in document
    assert document["x-acetate"]["pinned"] is True
    assert document["x-acetate"]["exchanges"] == 1


@pytest.mark.parametrize("body", ["text", None, [1, 2], 2**70])
def test_a_body_that_is_no_object_has_a_contract(body: Json) -> None:
    assert refusals(contract(sample(body)), body) == []
    assert refusals(contract(sample(body)), {"id": 1})


def test_every_recorded_response_of_together_keeps_to_the_contract_that_was_derived_from_it(
    real_cassettes: Path,
) -> None:
    providers = Providers(profiles(), {})
    seen: dict[Any, list[Observation]] = {}
    for file in sorted((real_cassettes / "together").rglob("*.yaml")):
        for exchange in Cassette.load(file, real_cassettes).exchanges:
            provider, path, _ = providers.identify(exchange.request.uri)
            call = operation(provider, exchange.request.method, path)
            one = observe(exchange, provider, call, rules(provider, call.name), "key")
            seen.setdefault((provider, call, one.entry.status, one.entry.stream), []).append(one)
    assert sum(map(len, seen.values())) > 50
    for (provider, call, status, stream), some in seen.items():
        entries = [each.entry for each in some]
        samples = [Sample(e.model, e.headers, e.masked, e.reply, e.terminator, e.recorded) for e in entries]
        document = derive(call, status, stream, samples, rules(provider, call.name), {})
        assert as_bytes(document) == as_bytes(
            derive(call, status, stream, samples[::-1], rules(provider, call.name), {})
        )
        check = Validator(Contract(document))
        for each in some:
            for body in each.bodies:
                assert refusals(document, body) == []
                assert check.check(body) == []
            if each.reply is not None:
                assert refusals(document["$defs"]["reply"], each.reply) == []
                assert check.check_reply(each.reply) == []
