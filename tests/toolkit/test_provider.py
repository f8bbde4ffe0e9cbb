"""Providers: who answers at an address, what was called, what may vary."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

import acetate.provider
from acetate.config import KEYS
from acetate.path import parts
from acetate.profile import described, profiles
from acetate.provider import Operation, Provider, Providers, Route, RuleNode, operation, rule_steps, rules

DOCUMENT = Path(__file__).parents[3] / "shared" / "together-openapi.yaml"
FOLDER = Path(acetate.provider.__file__).with_name("providers")
TOGETHER = profiles()["together"]
OPENAI = profiles()["openai"]
NOWHERE: dict[str, str] = {}


def identified(uri: str, environ: dict[str, str] = NOWHERE) -> tuple[str, str, str]:
    provider, path, stored = Providers(profiles(), environ).identify(uri)
    return provider.name, path, stored


def called(uri: str, method: str = "POST") -> str:
    provider, path, _ = Providers(profiles(), {}).identify(uri)
    return str(operation(provider, method, path))


def node(name: str, path: str, provider: Provider = TOGETHER) -> RuleNode:
    """The node at a path; an empty one where no rule reaches."""
    found = rules(provider, name).root
    for step in parts(path):
        below = found.item if step == "[]" else found.value if step == "{*}" else found.children.get(str(step))
        found = below or RuleNode()
    return found


# --- who answers ---


@pytest.mark.parametrize(
    "uri",
    [
        "https://api.together.ai/v1/chat/completions",
        "https://api.together.xyz/v1/chat/completions",
        "http://api.together.xyz:8443/v1/chat/completions",
        "HTTPS://API.Together.ai./v1/chat/completions",
        "https://someone:secret@api.together.ai/v1/chat/completions",
        "https://router.huggingface.co/together/v1/chat/completions",
    ],
)
def test_every_alias_of_a_provider_is_stored_under_its_first(uri: str) -> None:
    assert identified(uri) == ("together", "/chat/completions", "https://api.together.ai/v1/chat/completions")


def test_versions_of_a_path_are_one_operation_but_keep_their_uri() -> None:
    assert identified("https://api.together.ai/v2/videos") == (
        "together",
        "/videos",
        "https://api.together.ai/v2/videos",
    )


def test_a_query_is_kept_and_a_fragment_is_no_part_of_the_path() -> None:
    assert identified("https://api.together.xyz/v1/models?dedicated=true#top") == (
        "together",
        "/models",
        "https://api.together.ai/v1/models?dedicated=true",
    )


def test_a_prefix_ends_at_a_slash() -> None:
    assert identified("https://api.together.ai/v1beta/models")[1] == "/v1beta/models"


def test_a_path_alias_ends_at_a_slash() -> None:
    assert identified("https://router.huggingface.co/togetherness/v1/x")[0] == "router.huggingface.co"


@pytest.mark.parametrize("uri", ["https://api.openai.com", "https://api.openai.com/", "https://api.openai.com/v1"])
def test_a_provider_answers_at_its_root_too(uri: str) -> None:
    assert identified(uri)[:2] == ("openai", "/")


@pytest.mark.parametrize(
    ("base", "uri"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1/chat/completions"),
        ("http://localhost:8000/", "http://localhost:8000/v1/chat/completions"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1/chat/completions"),
        ("http://gateway/llm/v1/", "http://gateway/llm/v1/chat/completions"),
        ("http://[::1]:8000", "http://[::1]:8000/v1/chat/completions"),
        ("https://gateway.example", "https://gateway.example:443/v1/chat/completions"),
    ],
)
def test_what_a_base_url_variable_names_belongs_to_its_provider(base: str, uri: str) -> None:
    assert identified(uri, {"TOGETHER_BASE_URL": base}) == (
        "together",
        "/chat/completions",
        "https://api.together.ai/v1/chat/completions",
    )


def test_another_port_than_that_of_the_base_url_is_another_server() -> None:
    environ = {"TOGETHER_BASE_URL": "http://localhost:8000/v1"}
    assert identified("http://localhost:8001/v1/chat/completions", environ)[0] == "localhost-8001"


def test_the_longest_base_path_wins() -> None:
    environ = {"OPENAI_BASE_URL": "http://gateway:80/v1", "TOGETHER_BASE_URL": "http://gateway:80/together/v1"}
    assert identified("http://gateway:80/together/v1/models", environ)[0] == "together"
    assert identified("http://gateway:80/v1/models", environ)[0] == "openai"


def test_the_alias_of_one_provider_beats_the_base_url_of_another() -> None:
    environ = {"OPENAI_BASE_URL": "https://api.together.xyz/v1"}
    assert identified("https://api.together.xyz/v1/chat/completions", environ)[0] == "together"


@pytest.mark.parametrize("base", ["", "   ", "/v1", "https://"])
def test_a_base_url_without_a_host_is_none(base: str) -> None:
    environ = {"TOGETHER_BASE_URL": base}
    assert identified("https:///v1/chat/completions", environ)[0] != "together"
    assert identified("http://localhost/v1/chat/completions", environ)[0] == "localhost-80"


def test_unknown_hosts_are_named_by_themselves_and_left_as_they_are() -> None:
    uri = "https://api.groq.com/openai/v1/chat/completions"
    assert identified(uri) == ("api.groq.com", "/chat/completions", uri)


def test_an_unknown_host_looks_openai_compatible_where_its_path_does() -> None:
    providers = Providers(profiles(), {})
    compatible, path, _ = providers.identify("https://llm.example/openai/deployments/gpt-4o/chat/completions?v=1")
    assert compatible.rules is profiles()["openai-compatible"].rules
    assert path == "/openai/deployments/gpt-4o/chat/completions"  # Two deployments never answer for each other.
    generic, path, _ = providers.identify("https://llm.example/v1/messages")
    assert (generic.name, generic.rules, path) == ("llm.example", profiles()["generic"].rules, "/v1/messages")


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("http://localhost:8000/v1/models", "localhost-8000"),
        ("http://localhost/v1/models", "localhost-80"),
        ("https://together/v1/models", "together-443"),
        ("http://openai:80/v1/models", "openai-80"),
        ("http://127.0.0.1:11434/api/chat", "127.0.0.1-11434"),
        ("http://10.0.0.7/x", "10.0.0.7"),
        ("http://[2001:db8::1]:8000/x", "2001-db8--1-8000"),
        ("https://llm.example:443/x", "llm.example"),
        ("https://llm.example:80/x", "llm.example-80"),
        ("https://bücher_1.example/x", "b-cher-1.example"),
        ("/v1/models", "unknown-443"),
    ],
)
def test_the_name_of_an_unknown_host_is_safe_as_a_folder(uri: str, name: str) -> None:
    assert identified(uri)[0] == name


def test_the_same_unknown_host_is_the_same_profile_again() -> None:
    first = Providers(profiles(), {}).identify("https://llm.example/v1/models").provider
    assert Providers(profiles(), {}).identify("https://llm.example/v1/embeddings").provider is first


def test_a_provider_without_alias_leaves_the_uri_as_it_is() -> None:
    mine = described("mine", {"base_urls": ["http://llm.internal:9000/api/v1"]}, profiles()["openai-compatible"])
    uri = "http://llm.internal:9000/api/v1/chat/completions"
    assert Providers({**profiles(), "mine": mine}, {}).identify(uri) == (mine, "/chat/completions", uri)


def test_an_alias_may_carry_scheme_port_path_and_prefix() -> None:
    table = {"aliases": ["https://LLM.example:8443/team/v1/", "other.example"]}
    mine = described("mine", table, profiles()["openai-compatible"])
    known = Providers({**profiles(), "mine": mine}, {})
    stored = "https://llm.example:8443/team/v1/models"
    assert known.identify("https://llm.example:8443/team/v1/models") == (mine, "/models", stored)
    assert known.identify("http://other.example:99/v1/models") == (mine, "/models", stored)
    assert known.identify("https://llm.example/team/v1/models").provider.name == "llm.example"


@given(st.text())
@example("https://")
@example("http://[")
@example("http://a:b:c/")
@example("::")
def test_no_text_is_too_odd_to_be_identified(uri: str) -> None:
    name, path, _ = identified(uri)
    assert name
    assert path
    assert not set(name) & set('/\\:*?"<>| ')


# --- what was called ---


@pytest.mark.parametrize(
    ("method", "uri", "name"),
    [
        ("post", "https://api.together.xyz/v1/chat/completions/", "together:chat.completions"),
        ("GET", "https://api.together.ai/v1/fine-tunes/models/supported", "together:fine_tunes.models.supported"),
        ("GET", "https://api.together.ai/v1/fine-tunes/ft-1/events", "together:fine_tunes.events"),
        ("GET", "https://api.together.ai/v1/evaluation/model-list", "together:evaluation.models"),
        ("GET", "https://api.together.ai/v1/evaluation/e-1", "together:evaluation.retrieve"),
        ("GET", "https://api.together.ai/v1/deployments/storage/volumes", "together:deployments.volumes.list"),
        ("GET", "https://api.together.ai/v1/deployments/storage/logs", "together:deployments.storage.download"),
        ("PUT", "https://api.together.ai/v1/chat/completions", "together:PUT /chat/completions"),
        ("GET", "https://api.together.ai/v1/models/x", "together:GET /models/x"),
        ("POST", "https://api.openai.com/v1/responses", "openai:responses.create"),
        ("GET", "https://api.openai.com/v1/models/gpt-4o", "openai:models.retrieve"),
        ("POST", "https://api.openai.com/odd/chat/completions", "openai:POST /odd/chat/completions"),
        ("POST", "https://a.b/openai/deployments/d/chat/completions", "a.b:chat.completions"),
        ("POST", "https://a.b/serving-endpoints/chat/completions", "a.b:chat.completions"),
        ("GET", "https://a.b/v1/files/file-1/content", "a.b:files.content"),
        ("GET", "https://a.b/tenant/files/1", "a.b:GET /tenant/files/{id}"),
        ("GET", "https://a.b/", "a.b:GET /"),
        ("GET", "https://a.b", "a.b:GET /"),
    ],
)
def test_a_call_is_called_by_its_route_or_else_by_its_path(method: str, uri: str, name: str) -> None:
    assert called(uri, method) == name


@pytest.mark.parametrize(
    ("segment", "shown"),
    [
        ("17", "{id}"),
        ("2a0f1c9e-7c1d-4b8e-9d59-0d8a7c2f6b11", "{id}"),
        ("deadbeefdeadbeef", "{id}"),
        ("deadbeef", "deadbeef"),
        ("file-7B3UbsdCMGKBxAQjtjiy6Q", "{id}"),
        ("Llama-3.3-70B-Instruct-Turbo", "{id}"),
        ("gpt-4o", "gpt-4o"),
        ("a-long-word-without-any-digit", "a-long-word-without-any-digit"),
        ("v2", "v2"),
        ("gemini-2.5-flash:generateContent", "gemini-2.5-flash:generateContent"),
        ("gemini-2.5-flash-preview-05-20:streamGenerateContent", "{id}:streamGenerateContent"),
        ("us.amazon.nova-pro-v1:0", "{id}"),
    ],
)
def test_a_segment_that_looks_like_an_identifier_is_one(segment: str, shown: str) -> None:
    assert operation(profiles()["generic"], "GET", f"/things/{segment}/parts").name == f"GET /things/{shown}/parts"


@given(st.sampled_from(["GET", "POST", "DELETE"]), st.text("ab1/{}.:", max_size=30))
@example("GET", "/v1/chat/completions")
@example("GET", "/v1/files/1")
@example("POST", "/x/moderations")
def test_an_approved_operation_has_the_rules_that_it_was_approved_under(method: str, path: str) -> None:
    providers = Providers(profiles(), {})
    provider, path, _ = providers.identify(f"https://llm.example/{path}")
    assert providers.of(operation(provider, method, path)) is provider


def test_an_approved_operation_of_a_known_provider_is_its_own() -> None:
    assert Providers(profiles(), {}).of(Operation("together", "chat.completions")) is TOGETHER


# --- file names ---


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("chat.completions", "chat.completions"),
        ("fine_tunes.estimate_price", "fine_tunes.estimate_price"),
        ("GET /models/{id}", "get~models~{id}"),
        ("GET /", "get~"),
        ("GET /a.b/Models", "get~a.b~%4dodels"),
        ("GET models", "%47%45%54%20models"),
        ("../x", "%2e.%2fx"),
        ("a.", "a%2e"),
        (".", "%2e"),
        ("", ""),
    ],
)
def test_the_slug_of_an_operation(name: str, slug: str) -> None:
    assert Operation("x", name).slug == slug


NAMES = st.one_of(
    st.text(),
    st.text("aAbB./{}~%-_: ", max_size=12),
    st.builds("{} /{}".format, st.sampled_from(["GET", "get", "POST"]), st.text("aA./{}~%-", max_size=8)),
    st.sampled_from([route.name for route in (*TOGETHER.routes, *OPENAI.routes)]),
)


@given(NAMES, NAMES)
@example("GET /a", "get~a")
@example("GET /a", "GET /A")
@example("GET /" + "a" * 300, "GET /" + "a" * 301)
@example("\ud800", "\ud801")
def test_two_names_never_share_a_file_also_where_case_does_not_count(one: str, other: str) -> None:
    slugs = Operation("x", one).slug, Operation("x", other).slug
    assert (slugs[0].lower() == slugs[1].lower()) == (one == other)


@given(NAMES.filter(bool))
def test_a_slug_is_one_short_plain_file_name(name: str) -> None:
    slug = Operation("x", name).slug
    assert not set(slug) - set("abcdefghijklmnopqrstuvwxyz0123456789._-{}~%")
    assert not slug.startswith(".")
    assert not slug.endswith(".")
    assert len(slug) <= 150


# --- what may vary ---


def test_a_whole_path_and_a_key_at_any_depth_are_kept_apart() -> None:
    mine = described("mine", {"rules": {"enum": ["$.a[].b"], "id": ["$..id"]}}, Provider("mine"))
    compiled = rules(mine, "whatever")
    assert compiled.anywhere == {"id": "id"}
    assert compiled.root == RuleNode(children={"a": RuleNode(item=RuleNode(children={"b": RuleNode(mark="enum")}))})


def test_a_map_is_a_map_whether_it_is_listed_or_its_values_are() -> None:
    mine = described("mine", {"rules": {"number": ["$.a{*}.x"], "maps": ["$.b"]}}, Provider("mine"))
    root = rules(mine, "whatever").root
    assert root.children["a"].is_map
    assert root.children["a"].value == RuleNode(children={"x": RuleNode(mark="number")})
    assert root.children["b"] == RuleNode(is_map=True)


def test_a_rule_of_one_operation_beats_the_provider_s() -> None:
    table = {"operations": ["list GET /things"], "rules": {"id": ["$..id"]}, "rules_for": {"list": {"keep": ["$..id"]}}}
    mine = described("mine", table, Provider("mine"))
    assert rules(mine, "list").anywhere == {"id": "keep"}
    assert rules(mine, "other").anywhere == {"id": "id"}


def test_rules_are_compiled_once() -> None:
    assert rules(TOGETHER, "chat.completions") is rules(TOGETHER, "chat.completions")


def test_the_body_itself_can_have_a_rule() -> None:
    mine = described("mine", {"rules": {"enum": ["$"], "text": ["$[]"]}}, Provider("mine"))
    assert rules(mine, "x").root == RuleNode(mark="enum", item=RuleNode(mark="text"))


@pytest.mark.parametrize(
    "pattern", ["", "a", "choices[].x", "$a", "$reply.x", "$.a[0]", "$.a.", "$..a.b", "$..", "$..a[]", '$["a', "$ .a"]
)
def test_text_that_is_no_path_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"not a path|names index"):
        described("mine", {"rules": {"enum": [pattern]}}, Provider("mine"))


def test_a_map_at_any_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="path"):
        described("mine", {"rules": {"maps": ["$..a"]}}, Provider("mine"))


def test_a_name_that_is_not_plain_is_quoted_in_a_path() -> None:
    assert rule_steps('$["a b"].c[]{*}') == ("a b", "c", "[]", "{*}")


# --- profiles ---


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"rules": {"enum": ["$..a"], "text": ["$..a"]}}, "both `text` and `enum`"),
        ({"rules_for": {"nothing": {"enum": ["$..a"]}}}, "`nothing`"),
        ({"operations": ["chat POST"]}, "not an operation"),
        ({"operations": ["chat post /chat"]}, "not an operation"),
        ({"operations": ["chat POST chat"]}, "not an operation"),
        ({"operations": ["chat POST /chat 700"]}, "`700`"),
        ({"operations": ["chat POST /chat streams"]}, "`streams`"),
        ({"key_shapes": ["("]}, "not a regular expression"),
        ({"aliases": ["/path/only"]}, "names no host"),
        ({"base_urls": ["https:///v1"]}, "names no host"),
    ],
)
def test_a_profile_that_cannot_be_read_says_why(table: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        described("mine", table, Provider("mine"))


def test_a_profile_adds_to_the_one_of_its_name() -> None:
    table = {
        "aliases": ["llm.example"],
        "keep_headers": ["X-Cost"],
        "prefixes": ["llm/v1/"],
        "rules": {"text": ["$..id"]},
    }
    mine = described("together", table, TOGETHER)
    assert mine.aliases == (*TOGETHER.aliases, "llm.example")
    assert mine.keep_headers == (*TOGETHER.keep_headers, "x-cost")
    assert mine.prefixes == ("/llm/v1", "/v1", "/v2")
    assert mine.rules == {**TOGETHER.rules, "$..id": "text"}
    assert mine.routes == TOGETHER.routes


def test_a_profile_that_is_like_another_does_not_answer_at_its_hosts() -> None:
    mine = described("mine", {}, OPENAI)
    assert (mine.aliases, mine.base_url_vars, mine.key_vars, mine.key_shapes) == ((), (), (), ())
    assert mine.routes == OPENAI.routes


def test_a_new_name_for_a_call_takes_the_place_of_the_old_one() -> None:
    mine = described("together", {"operations": ["job GET /jobs/{id} 200 stream"]}, TOGETHER)
    assert operation(mine, "GET", "/jobs/1").name == "job"
    assert Route("job", "GET", "/jobs/{id}", stream=True, documented=(200,)) in mine.routes
    assert len(mine.routes) == len(TOGETHER.routes)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_the_built_in_profiles_say_nothing_that_is_not_a_key(file: Path) -> None:
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    known = {key.name.split(".")[2] for key in KEYS if key.name.startswith("providers.*.")}
    assert set(table) <= known
    names = [line.split()[0] for line in table.get("operations", [])]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", profiles())
def test_every_route_of_a_profile_is_found_by_its_own_path(name: str) -> None:
    provider = profiles()[name]
    for route in provider.routes:
        assert operation(provider, route.method, route.path.replace("{", "x").replace("}", "")).name == route.name


@pytest.mark.parametrize("name", profiles())
def test_every_rule_of_a_profile_compiles(name: str) -> None:
    provider = profiles()[name]
    for route in provider.routes:
        assert rules(provider, route.name).anywhere


def test_profiles_are_read_once() -> None:
    assert profiles() is profiles()
    assert set(profiles()) == {"together", "openai", "openai-compatible", "generic"}


def test_the_generic_profile_shows_a_few_names_and_masks_all_else() -> None:
    compiled = rules(profiles()["generic"], "GET /")
    assert compiled.root == RuleNode()
    assert {key for key, mark in compiled.anywhere.items() if mark == "enum"} == {
        "type",
        "role",
        "status",
        "code",
        "finish_reason",
        "stop_reason",
    }
    assert {key for key, mark in compiled.anywhere.items() if mark == "const"} == {"object"}


# --- Together ---


@pytest.mark.parametrize(
    ("path", "mark"),
    [
        ("$.choices[].message.tool_calls[].function.arguments", "json"),
        ("$.choices[].delta.tool_calls[].function.arguments", None),
        ("$.choices[].message.content", None),
        ("$.choices[].logprobs.token_logprobs[]", "number"),
        ("$.choices[].logprobs.top_logprobs{*}", "number"),
        ("$.choices[].logprobs.top_logprobs[]{*}", "number"),
        ("$.choices[].message.tool_calls[].function.name", "keep"),
    ],
)
def test_what_together_says_of_a_chat_completion(path: str, mark: str | None) -> None:
    assert node("chat.completions", path).mark == mark


@pytest.mark.parametrize(
    ("key", "mark"),
    [
        ("finish_reason", "enum"),
        ("role", "enum"),
        ("type", "enum"),
        ("code", "enum"),
        ("status", "enum"),
        ("purpose", "enum"),
        ("FileType", "enum"),
        ("object", "const"),
        ("id", "id"),
        ("model", "keep"),
        ("param", "keep"),
        ("created_at", "time"),
        ("relevance_score", "number"),
        ("message", None),
        ("content", None),
    ],
)
def test_what_together_says_of_a_key_wherever_it_is(key: str, mark: str | None) -> None:
    assert rules(TOGETHER, "chat.completions").anywhere.get(key) == mark


def test_tokens_are_keys_of_a_map_and_embeddings_numbers() -> None:
    assert node("chat.completions", "$.choices[].logprobs.top_logprobs").is_map
    assert node("embeddings", "$.data[].embedding[]").mark == "number"
    assert node("fine_tunes.metrics", "$.metrics[]").is_map


def test_the_id_of_a_listed_model_is_its_name() -> None:
    assert node("models.list", "$[].id").mark == "keep"


def _documented() -> list[tuple[str, str, dict[str, object]]]:
    if not DOCUMENT.exists():
        pytest.skip("the OpenAPI document of Together is not beside the repository")
    document = yaml.load(DOCUMENT.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    methods = ("get", "post", "put", "patch", "delete")
    return [
        (method.upper(), path, item[method])
        for path, item in document["paths"].items()
        for method in methods
        if method in item
    ]


def test_each_operation_of_together_s_document_is_one_route() -> None:
    documented = _documented()
    names = set()
    for method, path, described_there in documented:
        name = operation(TOGETHER, method, path).name
        (route,) = [route for route in TOGETHER.routes if route.name == name]
        responses = described_there["responses"]
        assert isinstance(responses, dict)
        assert (route.method, route.path) == (method, path)
        assert set(route.documented) == {int(status) for status in responses if status.isdigit()}, name
        streams = any("text/event-stream" in answer.get("content", {}) for answer in responses.values())
        assert route.stream is streams, name
        names.add(name)
    assert len(names) == len(documented) == 99


ENUMS_SHOWN_OTHERWISE = {
    "$.training_method.train_on_inputs": "a boolean, or the text `auto`",
    "$.train_on_inputs": "the same",
    "$.data": "the data field of an event, `[DONE]`",
    "$.batch_size": "an integer, or the text `max`",
}


def test_each_enumeration_of_together_s_document_is_shown_value_by_value() -> None:
    if not DOCUMENT.exists():
        pytest.skip("the OpenAPI document of Together is not beside the repository")
    document = yaml.load(DOCUMENT.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    hidden = {}
    for method, path, described_there in _documented():
        name = operation(TOGETHER, method, path).name
        for leaf in _enumerations(document, described_there):
            compiled = rules(TOGETHER, name)
            mark = node(name, leaf).mark or compiled.anywhere.get(str(list(parts(leaf))[-1]))
            general = leaf.replace("$.data[].", "$.")
            if mark not in ("enum", "const") and general not in ENUMS_SHOWN_OTHERWISE:
                hidden[f"{name} {leaf}"] = mark
    assert hidden == {}


def _enumerations(document: dict[str, object], described_there: dict[str, object]) -> set[str]:
    """The paths of all strings with an enumeration or a constant in the successful answers of an operation."""
    found: set[str] = set()

    def walk(schema: dict[str, object], path: str, above: frozenset[str]) -> None:
        while reference := schema.get("$ref"):
            if reference in above:
                return
            above |= {str(reference)}
            schema = document["components"]["schemas"][str(reference).rpartition("/")[2]]  # type: ignore[index]
        for key in ("allOf", "oneOf", "anyOf"):
            for each in schema.get(key, ()):  # type: ignore[attr-defined]
                walk(each, path, above)
        for name, each in schema.get("properties", {}).items():  # type: ignore[attr-defined]
            walk(each, f"{path}.{name}", above)
        if isinstance(items := schema.get("items"), dict):
            walk(items, f"{path}[]", above)
        if isinstance(values := schema.get("additionalProperties"), dict):
            walk(values, f"{path}{{*}}", above)
        if "enum" in schema or "const" in schema:
            found.add(path)

    for status, answer in described_there["responses"].items():  # type: ignore[attr-defined]
        for media_type, content in answer.get("content", {}).items():
            if status.startswith("2"):
                schema = content.get("schema", {})
                walk(schema, "$", frozenset())
                if media_type == "text/event-stream":
                    found = {leaf.replace("$.data.", "$.") for leaf in found}
    return found
