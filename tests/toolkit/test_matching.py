from __future__ import annotations

import json
import re
import time
import tomllib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acetate.exchange import Request
from acetate.matching import Mismatch, Miss, drifted, match_key, nearest
from acetate.provider import Provider

TOGETHER = Provider("together")
URI = "https://api.together.xyz/v1/chat/completions"
FORM = (("content-type", "application/x-www-form-urlencoded; charset=utf-8"),)


def key(
    body: str | bytes = b"", *, headers=(), uri=URI, method="POST", provider=TOGETHER, path="/chat/completions", **match
):
    data = body.encode() if isinstance(body, str) else body
    return match_key(Request(method, uri, headers, data), provider, path, **match)


def post(body: object, uri: str = URI) -> Request:
    return Request("POST", uri, (("content-type", "application/json"),), json.dumps(body).encode())


# The key


def test_the_key_is_a_digest():
    assert re.fullmatch("[0-9a-f]{64}", key('{"a": 1}'))


def test_provider_method_path_query_and_body_count():
    keys = {
        key("{}"),
        key("{}", provider=Provider("openai")),
        key("{}", method="PUT"),
        key("{}", path="/completions"),
        key("{}", uri=f"{URI}?a=1"),
        key("{}", uri=f"{URI}?a="),
        key("[]"),
        key(""),
        key("null"),
    }
    assert len(keys) == 9


def test_the_case_of_the_method_the_host_and_the_fragment_do_not_count():
    assert key("{}", method="post", uri="http://localhost/v1/chat/completions#x") == key("{}")


def test_the_order_of_the_query_does_not_count():
    assert key(uri=f"{URI}?b=2&a=1&a=0") == key(uri=f"{URI}?a=0&b=2&a=1")
    assert key(uri=f"{URI}?a=1") != key(uri=f"{URI}?a=2")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 1, "b": {"c": 2, "d": 3}}', '{"b":{"d":3,"c":2},"a":1}'),
        ("[1]", "[1.0]"),
        ("[1]", "[1e0]"),
        ("[10]", "[1.0E+1]"),
        ("[0]", "[-0.0]"),
        ("[0]", "[0e99]"),
        ("[0.5]", "[5e-1]"),
        ("[0.5]", "[0.50]"),
        ("[100000000000000000000000000]", "[1e26]"),
        ("[0.12345678901234567890]", "[12345678901234567890e-20]"),
        ("[1e-400]", "[0.1e-399]"),
        ('["\\u00e9"]', '["é"]'),
        ('["a\\/b"]', '["a/b"]'),
    ],
)
def test_json_counts_by_what_it_says(one, other):
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": null}', "{}"),
        ("[1]", "[true]"),
        ("[1]", '["1"]'),
        ("[1, 2]", "[2, 1]"),
        ("[12345678901234567890123]", "[12345678901234567890124]"),
        ("[0.12345678901234567890]", "[0.12345678901234567891]"),
        ("[1e-400]", "[0]"),
        ("[1e400]", "[1e401]"),
        ("[1e5000]", "[1e5001]"),
        ("[-1]", "[1]"),
        ("[]", "{}"),
        ('{"a": []}', '{"a": null}'),
        ('["é"]', '["e\u0301"]'),
    ],
)
def test_json_that_says_something_else_counts(one, other):
    assert key(one) != key(other)


@pytest.mark.parametrize(
    "body",
    [
        b"[NaN]",
        b"{broken",
        b"\xff\xfe",
        b"[" * 1000 + b"]" * 1000,
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b"[" + b"1" * 5000 + b"]",
    ],
)
def test_what_is_no_json_counts_byte_by_byte(body):
    assert key(body) == key(body)
    assert key(body) != key(body + b" ")


def test_many_brackets_are_not_depth():
    assert key(json.dumps([[n] for n in range(500)])) == key(json.dumps([[n] for n in range(500)], indent=1))


def test_a_form_counts_by_its_pairs():
    assert key("b=2&a=1+x", headers=FORM) == key("a=1%20x&b=2", headers=FORM)
    assert key("a=1&a=2", headers=FORM) == key("a=2&a=1", headers=FORM)
    assert key("a=1", headers=FORM) != key("a=2", headers=FORM)
    assert key("a=", headers=FORM) != key("", headers=FORM)


def multipart_of(boundary: str, *contents: str) -> dict:
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="f"\r\n\r\n{content}\r\n' for content in contents]
    return {
        "body": "".join([*parts, f"--{boundary}--\r\n"]),
        "headers": (("content-type", f"multipart/form-data; boundary={boundary}"),),
    }


def test_a_multipart_body_counts_by_its_parts_whatever_its_boundary():
    assert key(**multipart_of("b1", "one", "two")) == key(**multipart_of("b2", "one", "two"))
    assert key(**multipart_of("b1", "one", "two")) != key(**multipart_of("b1", "two", "one"))
    assert key(**multipart_of("b1", "one")) != key(**multipart_of("b1", "on"))


def test_no_header_counts_unless_it_is_named():
    beta = (("OpenAI-Beta", "v2"), ("x-other", "1"))
    assert key("{}", headers=beta) == key("{}")
    one = match_key(Request("POST", URI, beta), TOGETHER, "/", headers=["openai-beta"])
    other = match_key(Request("POST", URI, (("openai-beta", "v3"),)), TOGETHER, "/", headers=["OpenAI-Beta"])
    same = match_key(Request("POST", URI, (("openai-beta", "v2"),)), TOGETHER, "/", headers=["OpenAI-Beta"])
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("$.trace", {"a": 1, "trace": "x"}),
        ("$.messages[].name", {"a": 1, "messages": [{"name": "x"}, {"name": "y"}, {}]}),
        ("$.messages[0].name", {"a": 1, "messages": [{"name": "x"}, {}, {}]}),
        ("$.map{*}.id", {"a": 1, "map": {"x": {"id": 1}, "y": {"id": 2}}}),
        ("$.map{*}", {"a": 1, "map": {"x": 1}}),
        ("$.list[]", {"a": 1, "list": [1, 2, 3]}),
    ],
)
def test_an_ignored_path_does_not_count(path, body):
    rest = {
        "$.trace": {"a": 1},
        "$.messages[].name": {"a": 1, "messages": [{}, {}, {}]},
        "$.messages[0].name": {"a": 1, "messages": [{}, {}, {}]},
        "$.map{*}.id": {"a": 1, "map": {"x": {}, "y": {}}},
        "$.map{*}": {"a": 1, "map": {}},
        "$.list[]": {"a": 1, "list": []},
    }[path]
    assert key(json.dumps(body), ignore=[path]) == key(json.dumps(rest))
    assert key(json.dumps(body)) != key(json.dumps(rest))


@pytest.mark.parametrize("path", ["$", "$.x.y", "$.a[9]", "$.a[].b", "$.t{*}"])
def test_an_ignored_path_that_is_not_there_changes_nothing(path):
    body = '{"a": [1], "t": "text"}'
    assert key(body, ignore=[path]) == key(body)


def test_a_masked_part_of_a_text_does_not_count():
    mask = [("$.messages[].content", re.compile(r"\d{4}-\d\d-\d\d"))]

    def said(day: str, rest: str = "hi") -> str:
        return json.dumps({"messages": [{"content": f"Today is {day}. {rest}"}, {"content": None}], "n": day})

    one, other = json.loads(said("2026-10-11")), json.loads(said("2026-11-22"))
    assert key(json.dumps(one | {"n": 1}), mask=mask) == key(json.dumps(other | {"n": 1}), mask=mask)
    assert key(said("2026-10-11"), mask=mask) != key(said("2026-11-22"), mask=mask)
    assert key(said("2026-10-11"), mask=mask) != key(said("2026-10-11", "ho"), mask=mask)


def test_ignore_and_mask_reach_into_forms():
    mask = [("$.note[]", re.compile(r"\d+"))]
    assert key("note=1&trace=x", headers=FORM, ignore=["$.trace"], mask=mask) == key("note=22", headers=FORM, mask=mask)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(JSONS, st.randoms())
def test_writing_json_in_another_way_never_changes_the_key(value, random):
    def shuffled(inner):
        if isinstance(inner, dict):
            return {name: shuffled(inner[name]) for name in random.sample(sorted(inner), len(inner))}
        return [shuffled(item) for item in inner] if isinstance(inner, list) else inner

    assert key(json.dumps(value)) == key(
        json.dumps(shuffled(value), indent=2, ensure_ascii=False).encode("utf-8", "replace")
    )


DECIMALS = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@settings(max_examples=150, deadline=None)
@given(DECIMALS, DECIMALS)
def test_numbers_are_one_if_their_values_are(one, other):
    assert (key(f"[{one}]") == key(f"[{other}]")) == (Decimal(one) == Decimal(other))
    assert key(f"[{one}]") == key(f"[{Decimal(one):E}]")


# The nearest


def test_no_candidate_no_miss():
    assert nearest(post({}), []) is None


def test_the_nearest_differs_least_and_is_explained():
    recorded = [
        ("a#0", post({"model": "m", "messages": [{"content": "Something else"}], "temperature": 0.7, "n": 1})),
        ("a#1", post({"model": "m", "messages": [{"content": "Today is 2026-10-11."}], "temperature": 0.7})),
        ("a#2", Request("GET", URI)),
    ]
    sent = post({"model": "m", "messages": [{"content": "Today is 2026-11-22."}], "temperature": 0.2})
    assert nearest(sent, recorded) == Miss(
        "a#1",
        (
            Mismatch("$.messages[0].content", "Today is 2026-10-11.", "Today is 2026-11-22."),
            Mismatch("$.temperature", "0.7", "0.2"),
        ),
        "[tool.acetate.match]\nmask = [{path = \"$.messages[0].content\", regex = '\\d{4}-\\d\\d-\\d\\d'}]",
    )


def test_the_suggested_mask_makes_the_two_one():
    one, other = (
        post({"a": "id 7 at 2026-10-11T10:00:00Z", "b": "x"}),
        post({"a": "id 7 at 2026-11-22T11:30:59Z", "b": "x"}),
    )
    miss = nearest(other, [(0, one)])
    assert miss is not None
    assert miss.mask is not None
    mask = [(m["path"], re.compile(m["regex"])) for m in tomllib.loads(miss.mask)["tool"]["acetate"]["match"]["mask"]]
    assert match_key(one, TOGETHER, "/", mask=mask) == match_key(other, TOGETHER, "/", mask=mask)
    again = nearest(other, [(0, one)], mask=mask)
    assert again == Miss(0, ())


@pytest.mark.parametrize(
    ("one", "other", "regex"),
    [
        ("on October 11, 2026", "on November 22, 2026", r"(January"),
        ("at 10:00:01", "at 11:30", r"\d\d:\d\d"),
        ("id 0b0e7a4e-3c3f-4c8b-9d3f-1f2e3d4c5b6a", "id 1b0e7a4e-3c3f-4c8b-9d3f-1f2e3d4c5b6f", "[0-9a-fA-F]{8}("),
        ("run 0123456789ab", "run ba9876543210", r"\b[0-9a-fA-F]{12,}\b"),
        ("try 9", "try 10", r"\d+"),
    ],
)
def test_dates_ids_and_numbers_can_be_masked(one, other, regex):
    miss = nearest(post({"a": other}), [(0, post({"a": one}))])
    assert miss is not None
    assert f'path = "$.a", regex = \'{regex}' in str(miss.mask)


def test_texts_that_say_something_else_have_no_mask():
    miss = nearest(post({"a": "one"}), [(0, post({"a": "two"}))])
    assert miss == Miss(0, (Mismatch("$.a", "two", "one"),))


def test_what_is_on_one_side_only_is_absent_on_the_other():
    miss = nearest(post({"a": [1], "c": None}), [(0, post({"a": [1, {"x": 2}], "b": "3"}))])
    assert miss is not None
    assert miss.mismatches == (
        Mismatch("$.a[1]", '{"x": 2}', "(absent)"),
        Mismatch("$.b", "3", "(absent)"),
        Mismatch("$.c", "(absent)", "null"),
    )


def test_values_that_look_alike_are_shown_as_json():
    miss = nearest(post({"a": 1}), [(0, post({"a": "1"}))])
    assert miss is not None
    assert miss.mismatches == (Mismatch("$.a", '"1"', "1"),)


def test_long_texts_are_cut_around_what_differs():
    start = "The same beginning of a long prompt. " * 10
    miss = nearest(post({"a": start + "Bonn is it." + "x" * 90}), [(0, post({"a": start + "Rome is it." + "x" * 90}))])
    assert miss is not None
    (mismatch,) = miss.mismatches
    assert mismatch.recorded.startswith("...")
    assert "Rome is it." in mismatch.recorded
    assert "Bonn is it." in mismatch.sent
    assert max(len(mismatch.recorded), len(mismatch.sent)) < 70


def test_a_text_that_goes_on_is_shown_at_its_end():
    miss = nearest(post({"a": "x" * 100 + "more"}), [(0, post({"a": "x" * 100}))])
    assert miss is not None
    assert miss.mismatches[0].sent.endswith("more")


def test_long_values_are_cut():
    miss = nearest(post({}), [(0, post({"a": list(range(100))}))])
    assert miss is not None
    assert len(miss.mismatches[0].recorded) == 60


def test_method_path_query_and_named_headers_are_explained():
    recorded = Request("POST", "https://h.example/v1/a?x=1&y=1&y=2", (("X-A", "1"),))
    miss = nearest(Request("GET", "https://h.example/v1/b?x=2&y=1", (("x-a", "2"),)), [(0, recorded)], headers=["x-a"])
    assert miss is not None
    assert [mismatch.path for mismatch in miss.mismatches] == ["method", "path", "?x", "?y", "header x-a"]


def test_bodies_of_other_kinds_are_explained():
    miss = nearest(Request("POST", URI, (), b"text"), [(0, Request("POST", URI, (), b"test"))])
    assert miss == Miss(0, (Mismatch("body", "test", "text"),))
    forms = nearest(Request("POST", URI, FORM, b"a=1"), [(0, Request("POST", URI, FORM, b"a=b"))])
    assert forms == Miss(0, (Mismatch("$.a[0]", "b", "1"),))


def test_the_same_request_again_has_no_mismatch():
    assert nearest(post({"a": 1}), [("x", post({"a": 1.0})), ("y", post({"a": 1}))]) == Miss("x", ())


def test_the_same_path_is_nearer_than_the_same_body():
    elsewhere = post({"a": 1}, "https://h.example/v1/other")
    miss = nearest(post({"a": 1}), [("elsewhere", elsewhere), ("here", post({"a": 2, "b": 3}))])
    assert miss is not None
    assert miss.reference == "here"


def conversation(number: int) -> dict:
    messages = [
        {"role": "user", "content": f"question {number}.{turn} " + "lorem ipsum dolor sit amet " * 4}
        for turn in range(70)
    ]
    return {"model": "m", "messages": messages, "seed": number}


def test_the_nearest_of_a_thousand_is_found_by_counting_first():
    recorded = [(number, post(conversation(number))) for number in range(1000)]
    assert len(recorded[0][1].body) > 10_000
    sent = conversation(500)
    sent["messages"][-1]["content"] = "another question"
    request = post(sent)
    start = time.process_time()
    miss = nearest(request, recorded)
    spent = time.process_time() - start
    assert miss is not None
    assert miss.reference == 500
    assert [mismatch.path for mismatch in miss.mismatches] == ["$.messages[69].content"]
    assert spent < 0.3


def test_a_miss_lists_twenty_differences_at_most():
    miss = nearest(post([1] * 500), [(0, post([2] * 500))])
    assert miss is not None
    assert len(miss.mismatches) == 20


def test_likely_forms_are_counted_by_their_pairs():
    recorded = [(n, Request("POST", URI, FORM, f"a={n}&b={n}&c={n}".encode())) for n in range(50)]
    miss = nearest(Request("POST", URI, FORM, b"a=30&b=30&c=x"), recorded)
    assert miss is not None
    assert miss.reference == 30


def test_a_key_costs_a_few_times_its_parsing():
    body = json.dumps(
        {"messages": [{"role": "user", "content": "What is the capital of France? " * 15}], "temperature": 0.7}
    ).encode()
    request = Request("POST", URI, (("content-type", "application/json"),), body)

    def fastest(run) -> float:
        found = []
        for _ in range(5):
            start = time.process_time()
            for _ in range(300):
                run()
            found.append(time.process_time() - start)
        return min(found)

    assert fastest(lambda: match_key(request, TOGETHER, "/chat/completions")) < 12 * fastest(lambda: json.loads(body))


# What two bodies say


def test_two_bodies_are_compared_by_what_they_say():
    recorded = post({"messages": [{"content": "Today is 2026-10-11."}], "seed": 1})
    sent = post({"seed": 1.0, "messages": [{"content": "Today is 2026-11-22."}], "user": "ada"})
    assert drifted(recorded, recorded) == []
    assert drifted(recorded, sent) == [
        Mismatch("$.messages[0].content", "Today is 2026-10-11.", "Today is 2026-11-22."),
        Mismatch("$.user", "(absent)", "ada"),
    ]


def test_two_bodies_that_are_no_json_differ_as_a_whole():
    one, other = (Request("POST", URI, (), text) for text in (b"one", b"other"))
    assert drifted(one, other) == [Mismatch("body", "one", "other")]
    assert drifted(one, Request("POST", URI, (), b"")) == [Mismatch("body", "one", "(absent)")]
