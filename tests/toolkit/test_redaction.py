from __future__ import annotations

import base64
import json
import random
import re
import string
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acetate.errors import SecretFound
from acetate.exchange import Exchange, Recording, Request, Response
from acetate.hallmark import is_secret_name
from acetate.provider import Provider
from acetate.redaction import MARK, Redaction, redact, redact_request, spellings
from acetate.secret import check_clean, scan

ROOT = Path(__file__).parents[2]
DIGITS = random.Random(7)


def letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Random characters, with a digit and both cases, as every real key has."""
    return "a1B" + "".join(DIGITS.choices(alphabet, k=count - 3))


HEX = "0123456789abcdef"
TOGETHER = Provider(
    "together", key_vars=("TOGETHER_API_KEY",), key_shapes=(r"tgp_v1_[A-Za-z0-9_-]{20,}", r"\b[0-9a-f]{64}\b")
)
KEY = "9" + "".join(DIGITS.choices(HEX, k=63))
DEFAULT = Redaction.of()
IN_USE = Redaction.of([TOGETHER], {"TOGETHER_API_KEY": KEY})

# Put together here, so that no tool that looks for keys finds one in this file.
SECRETS = {
    "openai": "sk-" + letters(48),
    "openai project": "sk-proj-" + letters(60) + "_" + letters(60),
    "openai service": "sk-svcacct-" + letters(60) + "-" + letters(20),
    "anthropic": "sk-ant-api03-" + letters(60) + "-" + letters(32) + "AA",
    "openrouter": "sk-or-v1-" + letters(64),
    "deepseek": "sk-" + "0f" + "".join(DIGITS.choices(HEX, k=30)),
    "together": "tgp_v1_" + letters(43),
    "hugging face": "hf_" + letters(34),
    "groq": "gsk_" + letters(52),
    "xai": "xai-" + letters(80),
    "perplexity": "pplx-" + letters(48),
    "replicate": "r8_" + letters(37),
    "fireworks": "fw_" + letters(24),
    "nvidia": "nvapi-" + letters(64),
    "voyage": "pa-" + letters(43),
    "jina": "jina_" + letters(60),
    "langsmith": "lsv2_" + "pt_" + letters(32) + "_" + letters(10),
    "google": "AIza" + letters(35),
    "google oauth": "ya29." + letters(60),
    "google client": "GOCSPX-" + letters(28),
    "aws": "AKIA" + "".join(DIGITS.choices(string.ascii_uppercase + string.digits, k=16)),
    "aws session": "ASIA" + "".join(DIGITS.choices(string.ascii_uppercase + string.digits, k=16)),
    "bedrock": "ABSK" + letters(90),
    "github": "ghp_" + letters(36),
    "github oauth": "gho_" + letters(36),
    "github fine": "github_pat_" + letters(22) + "_" + letters(59),
    "gitlab": "glpat-" + letters(20),
    "slack": "xoxb-" + "123456789012-" + letters(24),
    "stripe": "sk_live_" + letters(24),
    "stripe restricted": "rk_live_" + letters(24),
    "webhook": "whsec_" + letters(32),
    "sendgrid": "SG." + letters(22) + "." + letters(43),
    "npm": "npm_" + letters(36),
    "pypi": "pypi-" + letters(100),
    "vault": "hvs." + letters(24),
    "digitalocean": "dop_v1_" + letters(64, HEX),
    "databricks": "dapi" + "".join(DIGITS.choices(HEX, k=32)),
    "jwt": "eyJ" + letters(30) + "." + "eyJ" + letters(60) + "." + letters(43),
    "azure": "AccountKey=" + letters(86) + "==",
    "slack webhook": "hooks.slack.com/services/T" + letters(8) + "/B" + letters(8) + "/" + letters(24),
    "in use": KEY,
}


def exchange(
    *,
    uri: str = "https://api.together.xyz/v1/chat/completions",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    answer: bytes = b"",
    answered: tuple[tuple[str, str], ...] = (),
    reason: str = "OK",
    recording: Recording = Recording(),  # noqa: B008 - frozen
) -> Exchange:
    return Exchange(Request("POST", uri, headers, body), Response(200, reason, answered, answer), recording)


def form(content: str) -> Exchange:
    return exchange(headers=(("Content-Type", "application/x-www-form-urlencoded"),), body=content.encode())


def multipart_of(name: str, content: str) -> Exchange:
    body = f'--b0\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{content}\r\n--b0--\r\n'
    return exchange(headers=(("content-type", 'multipart/form-data; boundary="b0"'),), body=body.encode())


def events(*data: object) -> Exchange:
    stream = "".join(f"data: {json.dumps(one)}\n\n" for one in data) + "data: [DONE]\n\n"
    return exchange(answer=stream.encode(), answered=(("content-type", "text/event-stream"),))


def deltas(*pieces: str) -> Exchange:
    return events(*({"id": "1", "choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces))


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def escaped(secret: str) -> str:
    return "".join(f"\\u{ord(c):04x}" if c in "-_.9" else c for c in secret)


PLACES: dict[str, Callable[[str], Exchange]] = {
    "authorization": lambda s: exchange(headers=(("Authorization", f"Bearer {s}"),)),
    "own request header": lambda s: exchange(headers=(("X-Team", f"core; {s}"),)),
    "api key header": lambda s: exchange(headers=(("X-Api-Key", s),)),
    "cookie": lambda s: exchange(headers=(("Cookie", f"a=1; session={s}"),)),
    "set-cookie": lambda s: exchange(answered=(("Set-Cookie", f"session={s}; Path=/"),)),
    "response header": lambda s: exchange(answered=(("X-Echo", f"you sent {s}"),)),
    "query by name": lambda s: exchange(uri=f"https://host.example/v1/x?a=1&api_key={quote(s)}&b=2"),
    "query by shape": lambda s: exchange(uri=f"https://host.example/v1/x?note={s}"),
    "fragment": lambda s: exchange(uri=f"https://host.example/v1/x#access_token={s}"),
    "path": lambda s: exchange(uri=f"https://host.example/bot/{s}/send"),
    "percent-encoded path": lambda s: exchange(uri="https://host.example/bot/" + "".join(f"%{ord(c):02X}" for c in s)),
    "userinfo": lambda s: exchange(uri=f"https://user:{s}@host.example/v1"),
    "nested JSON": lambda s: exchange(body=as_json({"tools": [{"config": {"api_key": s}}]})),
    "JSON array": lambda s: exchange(body=as_json({"notes": ["a", [s], "b"]})),
    "JSON key": lambda s: exchange(body=as_json({"seen": {s: 1}})),
    "JSON in JSON": lambda s: exchange(
        answer=as_json({"arguments": json.dumps({"inner": json.dumps({"x": s, "y": 1})})})
    ),
    "escaped JSON": lambda s: exchange(body=f'{{"note": "it is {escaped(s)}\\n"}}'.encode()),
    "escaped JSON in JSON": lambda s: exchange(body=as_json({"a": f'{{"note": "{escaped(s)}"}}'})),
    "form by name": lambda s: form(f"a=1&client_secret={quote(s)}&b=2"),
    "form by shape": lambda s: form(f"note=it+is+{quote(s, safe='')}&b=2"),
    "percent-encoded form": lambda s: form("note=" + "".join(f"%{ord(c):02x}" for c in s)),
    "JSON in a form": lambda s: form("payload=" + quote(json.dumps({"x": s}))),
    "multipart by name": lambda s: multipart_of("password", s),
    "multipart by shape": lambda s: multipart_of("note", f"it is {s}."),
    "plain text": lambda s: exchange(answer=f"Your key {s} is not valid".encode()),
    "text that is no UTF-8": lambda s: exchange(answer=b"\xff\xfe " + s.encode() + b" \x80\x00"),
    "error text": lambda s: exchange(answer=as_json({"error": {"message": f"Incorrect API key provided: {s}."}})),
    "broken JSON": lambda s: exchange(answer=f'{{"a": 1, "b": "x {s}'.encode()),
    "event": lambda s: deltas("Your key", f" is {s}, yes"),
    "events, cut in two": lambda s: deltas("key ", s[:5], s[5:], " end"),
    "events, cut in many": lambda s: deltas("key ", *[s[n : n + 3] for n in range(0, len(s), 3)], " end"),
    "lines of JSON": lambda s: exchange(answer=b'{"a": 1}\n' + as_json({"b": s}) + b"\n"),
    "reason": lambda s: exchange(reason=f"Bad key {s}"),
    "test id": lambda s: exchange(recording=Recording(test=f"tests/test_a.py::test[{s}]", source=f"{s}.example")),
}


def everything(one: Exchange) -> str:
    """Everything of an exchange as one text, with what was cut into events put together again."""
    request, response = one.request, one.response
    headers = [f"{name}: {value}" for name, value in (*request.headers, *response.headers)]
    bodies = [body.decode("latin-1") for body in (request.body, response.body)]
    contents = "".join(re.findall(r'"content": "((?:[^"\\]|\\.)*)"', bodies[1]))
    return "\n".join([request.uri, *headers, *bodies, contents, response.reason, repr(one.recording)])


def survives(secret: str, one: Exchange) -> bool:
    text = everything(one)
    readings = [text, re.sub(r"\\+u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text)]
    readings += [re.sub(r"%([0-9a-fA-F]{2})", lambda m: chr(int(m[1], 16)), reading) for reading in readings]
    parts = (secret, secret[: max(16, len(secret) // 2)], secret[-max(16, len(secret) // 2) :])
    return any(spelling in reading for part in parts for spelling in spellings(part) for reading in readings)


# What must go


def test_no_planted_secret_survives(capsys):
    planted, survivors = 0, []
    for name, secret in SECRETS.items():
        for place, plant in PLACES.items():
            planted += 1
            one = plant(secret)
            clean = redact(one, IN_USE)
            if survives(secret, clean):
                survivors.append((name, place))
            else:
                check_clean(clean, IN_USE)
    with capsys.disabled():
        sys.stderr.write(f"\nplanted secrets: {len(survivors)} of {planted} survived\n")
    assert planted >= 1000
    assert survivors == []


@pytest.mark.parametrize(
    "place", [place for place in PLACES if "by name" in place or "header" in place or place == "nested JSON"]
)
def test_the_search_for_survivors_would_find_them(place):
    assert survives(KEY, PLACES[place](KEY))


@pytest.mark.parametrize("offset", range(3))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_the_key_in_use_is_found_in_base64_at_every_alignment(offset, encode):
    text = encode(b"x" * offset + KEY.encode() + b":tail").decode()
    clean = redact(exchange(headers=(("X-Basic", text),), body=as_json({"a": text}), answer=text.encode()), IN_USE)
    assert not survives(KEY, clean)
    check_clean(clean, IN_USE)


def test_a_key_in_use_with_odd_characters_is_found_in_json_and_urls():
    key = 'p+s/s"wörd-123'
    redaction = Redaction.of([TOGETHER], {"TOGETHER_API_KEY": key})
    one = exchange(
        uri=f"https://h.example/?q={quote(key, safe='')}",
        body=json.dumps({"a": key, "b": key.replace("/", "//")}).encode(),
        answer=json.dumps({"a": f"<{key}>"}, ensure_ascii=False).replace("/", "\\/").encode(),
    )
    clean = redact(one, redaction)
    assert clean.request.uri == "https://h.example/?q=%3Credacted%3E"
    assert json.loads(clean.request.body)["a"] == MARK
    assert json.loads(clean.response.body) == {"a": f"<{MARK}>"}


def test_a_dummy_too_short_to_be_a_key_is_a_word():
    redaction = Redaction.of([TOGETHER], {"TOGETHER_API_KEY": "dummy"})
    one = exchange(body=b'{"a": "a dummy answer"}')
    assert redact(one, redaction) == one


def test_the_headers_that_are_secret_keep_their_scheme():
    one = exchange(
        headers=(
            ("AUTHORIZATION", "bearer abc"),
            ("Proxy-Authorization", "Basic dTpw"),
            ("x-api-key", "abc"),
            ("X-Goog-Api-Key", "abc"),
            ("X-Amz-Security-Token", "abc"),
            ("X-Acme-Access-Token", "abc"),
            ("Accept", "*/*"),
            ("Empty", ""),
        ),
        answered=(
            ("openai-organization", "acme"),
            ("OpenAI-Project", "proj_1"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
        ),
    )
    clean = redact(one, Redaction.of())
    assert [value for _, value in clean.request.headers] == [
        f"bearer {MARK}",
        f"Basic {MARK}",
        *[MARK] * 4,
        "*/*",
        "",
    ]
    assert [value for _, value in clean.response.headers] == [MARK] * 4


@pytest.mark.parametrize(
    "name",
    [
        *("api_key", "apiKey", "API-KEY", "together_api_key", "client_secret", "password", "db_password", "token"),
        *("access_token", "refreshToken", "private_key", "authorization", "aws_secret_access_key", "api_keys"),
        *("user[password]", "id_token"),
    ],
)
def test_names_of_secrets(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("max_tokens", "tokens", "token_id", "tokenizer", "prompt_tokens", "eos_token", "next_page_token", "key", ""),
        *("token_logprobs", "prompt_cache_key", "public_key", "author", "signature", "secretary", "keyword", "monkey"),
    ],
)
def test_names_that_are_not(name):
    assert not is_secret_name(name)


def test_only_the_secret_values_of_a_json_body_are_touched():
    body = (
        b'{ "b":1.50,\t"api_key" : "x\\u0079z", "n":12345678901234567890123, "a":"caf\\u00e9 \\/ \xc3\xa9",\r\n'
        b' "password":123456, "token":null, "secret":"", "passwords":["p",true,"q"], "a":"b" }'
    )
    clean = redact_request(Request("POST", "https://h.example/", (), body), Redaction.of())
    assert clean.body == (
        b'{ "b":1.50,\t"api_key" : "<redacted>", "n":12345678901234567890123, "a":"caf\\u00e9 \\/ \xc3\xa9",\r\n'
        b' "password":"<redacted>", "token":null, "secret":"", "passwords":["<redacted>",true,"<redacted>"], "a":"b" }'
    )


def test_a_secret_inside_an_escaped_string_leaves_its_other_escapes_alone():
    key = SECRETS["openai"]
    body = f'{{"a": "\\u00e9\\/\\n {key.replace("-", chr(92) + "u002d")} \\"\\ud83d\\ude00"}}'
    clean = redact(exchange(body=body.encode()), Redaction.of())
    assert clean.request.body == b'{"a": "\\u00e9\\/\\n <redacted> \\"\\ud83d\\ude00"}'


def test_a_number_that_is_a_password_inside_json_inside_json():
    body = json.dumps({"arguments": '{"password": 12345678}'})
    clean = redact(exchange(body=body.encode()), Redaction.of())
    assert json.loads(json.loads(clean.request.body)["arguments"]) == {"password": MARK}


def test_log_probabilities_are_words_not_secrets():
    body = as_json(
        {
            "logprobs": {
                "content": [{"token": "password", "logprob": -0.1, "top_logprobs": [{"token": "secret"}]}],
                "top_logprobs": [{"password": -1.5, "token": "x", "api_key": -12345.5}],
            }
        }
    )
    one = exchange(answer=body)
    assert redact(one, Redaction.of()) == one


def test_a_schema_that_speaks_of_passwords_is_no_secret():
    tool = {"properties": {"password": {"type": "string"}, "api_key": {"type": "string"}}, "required": ["password"]}
    one = exchange(body=as_json({"tools": [tool]}))
    assert redact(one, Redaction.of()) == one


def test_sixty_four_hex_digits_are_a_key_only_where_a_key_can_stand():
    digest = "".join(random.Random(3).choices(HEX, k=64))
    body = as_json({"sha256": digest, "key": digest, "llm_key": digest, "cache_key": digest, "text": f"it is {digest}"})
    clean = json.loads(redact(exchange(body=body), IN_USE).request.body)
    assert clean == {"sha256": digest, "key": MARK, "llm_key": MARK, "cache_key": digest, "text": f"it is {digest}"}


def test_a_providers_own_shape_is_looked_for_where_a_key_can_stand():
    provider = Provider("acme", key_shapes=(r"acme-[a-z]{12,}", r"[QZ]{12}"))
    body = as_json({"text": "acme-abcdefghijklmnop QZQZQZQZQZQZ", "key": "QZQZQZQZQZQZ"})
    clean = json.loads(redact(exchange(body=body), Redaction.of([provider])).request.body)
    assert clean == {"text": f"{MARK} QZQZQZQZQZQZ", "key": MARK}


def test_a_private_key_goes_as_a_block():
    pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK+/=\n-----END RSA PRIVATE KEY-----"
    clean = redact(
        exchange(body=as_json({"a": f"see {pem} there"}), answer=f"see {pem} there".encode()), Redaction.of()
    )
    assert json.loads(clean.request.body) == {"a": f"see {MARK} there"}
    assert clean.response.body == f"see {MARK} there".encode()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("postgres://me:pa55@db.example/x", f"postgres://me:{MARK}@db.example/x"),
        ("curl -H 'Authorization: Basic dXNlcjpwYXNzd29yZDEyMw=='", f"curl -H 'Authorization: Basic {MARK}'"),
        ("Bearer abcdefghijkl1234567", f"Bearer {MARK}"),
        ("export API_KEY=abcdefghijkl1234567 ok", f"export API_KEY={MARK} ok"),
        (
            "see https://h.example/i.png?st=1&sig=abcd%2Fefgh1234&x=1",
            f"see https://h.example/i.png?st=1&sig={MARK}&x=1",
        ),
        ("{'password': 'hunter2', 'user': 'me'}", f"{{'password': '{MARK}', 'user': 'me'}}"),
        ('oops {"api_key": "hunter2", "user": "me"}', f'oops {{"api_key": "{MARK}", "user": "me"}}'),
        ("AccountKey=" + "ab12" * 22 + "==;x", MARK + ";x"),
        ("https://hooks.slack.com/services/T00000000/B00000000/abcdefgh", f"https://{MARK}"),
        ('api_key = os.environ["OPENAI_API_KEY"]', 'api_key = os.environ["OPENAI_API_KEY"]'),
        ("a bearer of good news, the secret of life: patience", "a bearer of good news, the secret of life: patience"),
        ("class sk-toggleable-content-is-not-a-key", "class sk-toggleable-content-is-not-a-key"),
    ],
)
def test_what_a_text_says_of_secrets(text, clean):
    assert redact(exchange(answer=text.encode()), Redaction.of()).response.body.decode() == clean
    assert json.loads(redact(exchange(answer=as_json({"a": text})), Redaction.of()).response.body) == {"a": clean}


def test_the_users_rules_are_added():
    redaction = Redaction.of(
        headers=["X-Tenant"], fields=["card_number"], query=["sid"], patterns=[r"\bEMP\d{4}\b", r"code ([0-9]+)"]
    )
    one = exchange(
        uri="https://h.example/?sid=1&page=2",
        headers=(("x-tenant", "acme"),),
        body=as_json({"cardNumber": "1", "card-number": "2", "text": "EMP1234 has code 77", "n": 1234}),
    )
    clean = redact(one, redaction)
    assert clean.request.uri == "https://h.example/?sid=%3Credacted%3E&page=2"
    assert clean.request.headers == (("x-tenant", MARK),)
    assert json.loads(clean.request.body) == {
        "cardNumber": MARK,
        "card-number": MARK,
        "text": f"{MARK} has code {MARK}",
        "n": 1234,
    }


def test_a_providers_rules_are_added():
    provider = Provider("acme", secret_headers=("X-Acme",), secret_fields=("badge",), secret_query=("pin",))
    one = exchange(uri="https://h.example/?pin=1", headers=(("x-acme", "1"),), body=b'{"badge": "7"}')
    clean = redact(one, Redaction.of([provider]))
    assert (clean.request.uri, clean.request.headers) == ("https://h.example/?pin=%3Credacted%3E", (("x-acme", MARK),))
    assert clean.request.body == b'{"badge": "<redacted>"}'


def test_a_pattern_never_breaks_json():
    redaction = Redaction.of(patterns=[r"\d+", r"[\[\]{}:,\"]"])
    one = exchange(body=b'[{"a1": [1, 2], "b": "x: 34"}, 56]', answer=b"[1, 2, 3]")
    clean = redact(one, redaction)
    assert json.loads(clean.request.body)[0]["b"] == f"x{MARK} {MARK}"
    assert clean.response.body == b"[1, 2, 3]"


def test_what_is_allowed_stays_but_for_the_key_in_use():
    allow = [
        "request.headers.x-note",
        "request.uri ?sig",
        "request.body $.notes[].token",
        "response.body",
        "request.body ?f",
    ]
    redaction = replace(IN_USE, allow=frozenset(allow))
    key = SECRETS["hugging face"]
    one = exchange(
        uri="https://h.example/?sig=abcdefgh",
        headers=(("X-Note", key),),
        body=as_json({"notes": [{"token": key}, {"token": KEY}]}),
        answer=key.encode(),
    )
    clean = redact(one, redaction)
    assert replace(clean, request=replace(clean.request, body=one.request.body)) == one
    assert json.loads(clean.request.body) == {"notes": [{"token": key}, {"token": MARK}]}
    check_clean(clean, redaction)
    assert redact(
        form(f"f={key}&token=1"), replace(redaction, allow=frozenset({"request.body ?token"}))
    ).request.body == (b"f=%3Credacted%3E&token=1")
    secret_part = multipart_of("password", "1")
    assert redact(secret_part, replace(redaction, allow=frozenset({"request.body ?password"}))) == secret_part


def test_the_recorded_chunks_are_counted_again():
    key = SECRETS["openai"]
    stream = f'data: {{"a": "é {key} ü"}}\n\ndata: {{"a": "x"}}\n\n'.encode()
    cuts = [10, 30, 40, len(stream) - 5, len(stream)]
    chunks = tuple((n, end - start) for n, (start, end) in enumerate(zip([0, *cuts], cuts, strict=False)))
    one = exchange(answer=stream, recording=Recording(chunks=chunks), answered=(("content-type", "text/event-stream"),))
    clean = redact(one, Redaction.of())
    sizes = [size for _, size in clean.recording.chunks]
    assert clean.response.body == 'data: {"a": "é <redacted> ü"}\n\ndata: {"a": "x"}\n\n'.encode()
    assert sum(sizes) == len(clean.response.body)
    assert sizes[0] == 10
    assert sizes[-1] == 5
    assert min(sizes) >= 0


def test_chunks_after_a_replacement_keep_their_size():
    body = b'{"api_key": "abcdefgh", "b": 1}'
    one = exchange(answer=body, recording=Recording(chunks=((0, 13), (5, 20 - 13), (9, len(body) - 20))))
    clean = redact(one, Redaction.of())
    assert clean.response.body == b'{"api_key": "<redacted>", "b": 1}'
    assert clean.recording.chunks == ((0, 13), (5, 10), (9, 10))


def test_pieces_of_one_answer_are_not_mixed_with_those_of_another():
    key = SECRETS["groq"]

    def piece(index: int, text: str) -> dict:
        return {"choices": [{"index": index, "delta": {"content": text}}]}

    one = events(piece(0, key[:20]), piece(1, "Hello"), piece(0, key[20:]), piece(1, " there"))
    clean = redact(one, Redaction.of())
    assert key[:20].encode() not in clean.response.body
    assert key[20:].encode() not in clean.response.body
    assert b"Hello" in clean.response.body
    assert b" there" in clean.response.body


def test_a_secret_field_in_tool_arguments_that_arrive_in_pieces():
    arguments = '{"api_key": "hunter2", "x": 1}'
    one = events(*({"index": 0, "delta": {"partial_json": arguments[n : n + 4]}} for n in range(0, len(arguments), 4)))
    clean = redact(one, Redaction.of())
    pieces = re.findall(r'"partial_json": ("(?:[^"\\]|\\.)*")', clean.response.body.decode())
    assert json.loads("".join(map(json.loads, pieces))) == {"api_key": MARK, "x": 1}


def test_a_clean_request_is_the_same_object():
    request = Request("POST", "https://h.example/v1?x=1", (("Accept", "*/*"),), b'{"max_tokens": 5}')
    assert redact_request(request, IN_USE) is request


def test_the_values_of_keys_are_not_shown():
    assert KEY not in repr(IN_USE)


def test_redacted_exchanges_are_made_in_one_place():
    made = [
        path.name
        for path in (ROOT / "acetate").rglob("*.py")
        for _ in re.findall(r"\bRedactedExchange\(|cast\(\s*\"?RedactedExchange", path.read_text("utf-8"))
    ]
    assert made == ["redaction.py"]


# Properties


SPICES = st.sampled_from(
    [
        *SECRETS.values(),
        *(MARK, '"', "\\", "\\u002d", "%3C", "&", "=", "?", "@", "://u:p@h", "api_key", "token: ", "\n"),
        *("data: ", "Bearer ", "{", "}", '{"password": "x"}', "é", "\ud83d\ude00", "\x00", "--b0", "sk-"),
        "-----BEGIN PRIVATE KEY-----",
    ]
)
TEXTS = st.lists(st.one_of(st.text(max_size=8), SPICES), max_size=6).map("".join)
JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(TEXTS, st.sampled_from(["api_key", "token", "key", "index", "logprobs"])), inner, max_size=4
        ),
    ),
    max_leaves=12,
)
REDACTIONS = st.sampled_from(
    [
        IN_USE,
        Redaction.of(patterns=["red", r"act.d>.", r"\S+ \S+", "<", "e"], fields=["a"]),
        Redaction.of(patterns=[r".+", r"x*"]),
    ]
)
MEDIA_TYPES = (
    *("application/json", "text/event-stream", "application/x-www-form-urlencoded"),
    *("multipart/form-data; boundary=b0", ""),
)
TYPES = st.sampled_from(MEDIA_TYPES)
BODIES = st.one_of(
    JSONS.map(lambda v: json.dumps(v, ensure_ascii=True).encode()),
    st.lists(JSONS, max_size=4).map(lambda vs: "".join(f"data: {json.dumps(v)}\n\n" for v in vs).encode()),
    TEXTS.map(lambda t: t.encode("utf-8", "replace")),
    st.binary(max_size=40),
)


def encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@settings(max_examples=100, deadline=None)
@given(REDACTIONS, TYPES, BODIES, BODIES, TEXTS.map(encodable), TEXTS.map(encodable))
def test_redacting_twice_is_redacting_once(redaction, media_type, body, answer, uri, value):
    one = exchange(
        uri=f"https://h.example/{uri}",
        headers=(("content-type", media_type), ("x-note", value), ("authorization", value)),
        body=body,
        answer=answer,
        answered=(("content-type", media_type),),
        reason=value,
    )
    once = redact(one, redaction)
    assert redact(once, redaction) == once


@settings(max_examples=100, deadline=None)
@given(REDACTIONS, JSONS, st.booleans())
def test_json_stays_json_of_the_same_shape(redaction, value, ascii_only):
    body = json.dumps([value], ensure_ascii=ascii_only).encode("utf-8", "replace")
    clean = redact(exchange(body=body), redaction).request.body
    assert shape(json.loads(clean)) == shape(json.loads(body))


def shape(value: object) -> object:
    if isinstance(value, dict):
        return {"object"}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "scalar"


@settings(max_examples=100, deadline=None)
@given(JSONS, st.sampled_from(sorted(SECRETS)))
def test_no_secret_survives_in_any_json(value, name):
    body = json.dumps([value, {"x": f"<{SECRETS[name]}>"}]).encode()
    assert f"<{SECRETS[name]}>".encode() not in redact(exchange(body=body), IN_USE).request.body


# Time


def repeated(unit: str, size: int) -> str:
    return unit * (size // len(unit))


EVIL = [
    *(
        "sk-",
        "sk-a",
        "-sk-",
        "AKIA",
        "eyJ",
        "eyJaaaaaaaa.",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "bearer ",
        "Bearer a",
    ),
    *("://a:", "://", "a:b@", "://a:b@", "api_key=", "api_key: ", "password", "Authorization: ", "?sig=", "&key=a"),
    *(
        "\\",
        '\\"',
        '"',
        "'a':\"",
        '"a":',
        "\\u00",
        "%2",
        "%73",
        "{",
        "[",
        '{"a":',
        "data: {",
        "hf_a",
        "xoxb-",
        "=",
        "<redacted>",
        "\n",
    ),
    *("a", "1", "ab1-", "SG.aaaaaaaaaaaaaaaa.", "ghp_" + "a" * 36, "key", "sk-proj-A1", "--b0\r\n", "\r\n"),
]


def ways_to_read(text: str) -> list[Callable[[], object]]:
    body = text.encode()
    exchanges = [exchange(body=body, headers=(("content-type", media_type),)) for media_type in MEDIA_TYPES]
    exchanges.append(exchange(answer=json.dumps({"a": text, "b": "sk-"}).encode(), uri=f"https://h.example/?{text}"))
    return [*(lambda one=one: redact(one, IN_USE) for one in exchanges), lambda: scan(text, IN_USE)]


@pytest.mark.parametrize("unit", EVIL)
def test_time_grows_with_the_text_and_not_with_its_square(unit):
    short, long = (ways_to_read(repeated(unit, size)) for size in (12_500, 100_000))
    for one, eight in zip(short, long, strict=True):
        # Eight times the text: 64 times the time would be the square.
        assert fastest(eight, 3) < 48 * fastest(one, 3) + 0.05


def fastest(run: Callable[[], object], times: int = 2) -> float:
    found = []
    for _ in range(times):
        start = time.process_time()
        run()
        found.append(time.process_time() - start)
    return min(found)


def test_a_clean_request_costs_a_few_times_its_parsing():
    body = as_json(
        {
            "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
            "messages": [
                {"role": "user", "content": "What is the capital of France? Please answer in a sentence. " * 7}
            ],
            "max_tokens": 256,
            "temperature": 0.7,
        }
    )
    headers = (
        ("content-type", "application/json"),
        ("authorization", f"Bearer {MARK}"),
        ("accept", "*/*"),
        ("host", "h.example"),
    )
    request = Request("POST", "https://h.example/v1/chat/completions", headers, body)
    redact_request(request, IN_USE)
    redacting = fastest(lambda: [redact_request(request, IN_USE) for _ in range(200)], 5)
    parsing = fastest(lambda: [json.loads(body) for _ in range(200)], 5)
    assert redacting < 15 * parsing


def test_a_secret_is_named_with_the_way_out():
    one = exchange(body=as_json({"a": SECRETS["npm"]}))
    with pytest.raises(SecretFound) as raised:
        check_clean(one, Redaction.of())
    assert raised.value.where == "request.body $.a"
    assert '[tool.acetate.redact] allow = ["request.body $.a"]' in raised.value.next
    assert SECRETS["npm"] not in str(raised.value)


@pytest.mark.parametrize("name", ["org-", "proj_"])
def test_whose_account_it_is_stays_out_of_errors(name):
    rules = DEFAULT
    mine = name + letters(24)
    text = f"Rate limit reached for gpt-4o in organization {mine} on tokens per min"
    one = exchange(answer=json.dumps({"error": {"message": text}}).encode())
    assert [leak.shape for leak in scan(one, rules)][:1] == ["OpenAI organization or project"]
    clean = redact(one, rules)
    assert mine not in str(clean)
    assert f"in organization {MARK} on tokens per min".encode() in clean.response.body
    ordinary = exchange(answer=json.dumps({"a": f"{name}internationalization-of-everything"}).encode())
    assert redact(ordinary, rules) == ordinary


def test_the_code_that_is_traded_for_a_token_is_a_secret_in_a_query_only():
    one = exchange(uri="https://h.example/callback?code=abc&state=1")
    assert redact(one, DEFAULT).request.uri == "https://h.example/callback?code=%3Credacted%3E&state=1"
    assert redact(exchange(answer=b'{"code": "abc"}'), DEFAULT) == exchange(answer=b'{"code": "abc"}')
