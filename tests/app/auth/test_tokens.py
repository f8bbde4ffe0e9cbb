"""Hostile JSON Web Tokens, put to the API and to PyJWT: neither takes one, and ours answers each with the same 401."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from uuid import uuid4

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.testclient import TestClient

from app.auth import tokens
from app.errors import Unauthorized
from app.main import create_app
from app.models import User
from tests.app.engines import ONLY_SQLITE

KEY = "of this file only, and long enough to be one"
USER = uuid4()
NOW = int(time.time())
HEADER = {"alg": "HS256", "typ": "JWT"}
GOOD = {
    "iss": "acetate",
    "aud": "acetate:api",
    "sub": str(USER),
    "jti": "a" * 32,
    "iat": NOW,
    "exp": NOW + 3600,
    "epoch": 0,
}
DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
PUBLIC = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
PEM = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def part(value) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def signed(body=None, header=None, *, key: bytes = KEY.encode(), digest: str = "HS256", text=None) -> str:
    """A token whose signature is right, whatever its parts say. `text`: the body's bytes as they are."""
    head = part(HEADER if header is None else header)
    content = f"{head}.{part(text if text is not None else {**GOOD, **(body or {})})}"
    return f"{content}.{part(hmac.new(key, content.encode(), DIGESTS[digest]).digest())}"


def without(claim: str) -> str:
    return signed(text=json.dumps({name: value for name, value in GOOD.items() if name != claim}).encode())


def raw(claim: str, literal: str) -> str:
    """The claim written as JSON that no Python value has."""
    return signed(text=json.dumps({**GOOD, claim: "@"}).replace('"@"', literal).encode())


def nested(depth: int) -> str:
    return '{"alg":"HS256","typ":"JWT","x":' + "[" * depth + "]" * depth + "}"


VALID = signed()
HOSTILE = {
    "alg none": f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(GOOD)}.",
    "alg None": f"{part({'alg': 'None', 'typ': 'JWT'})}.{part(GOOD)}.",
    "alg NoNe with the signature kept": f"{part({'alg': 'NoNe', 'typ': 'JWT'})}.{part(GOOD)}.{VALID.split('.')[2]}",
    "no alg": signed(header={"typ": "JWT"}),
    "alg a list": signed(header={"alg": ["HS256"], "typ": "JWT"}),
    "HS512": signed(header={"alg": "HS512", "typ": "JWT"}, digest="HS512"),
    "HS384": signed(header={"alg": "HS384", "typ": "JWT"}, digest="HS384"),
    "says RS256": signed(header={"alg": "RS256", "typ": "JWT"}),
    "another key": signed(key=b"another key that is as long as it has to be"),
    "an empty key": signed(key=b""),
    "a PEM public key as the secret": signed(key=PEM),
    "a DER public key as the secret": signed(key=DER),
    "signature of nothing": ".".join([*VALID.split(".")[:2], ""]),
    "signature cut": VALID[:-8],
    "body changed": ".".join([VALID.split(".")[0], part({**GOOD, "sub": str(uuid4())}), VALID.split(".")[2]]),
    "header changed": ".".join([part({**HEADER, "kid": "1"}), *VALID.split(".")[1:]]),
    "expired": signed({"iat": NOW - 7200, "exp": NOW - 3600}),
    "expired this second": signed({"iat": NOW - 60, "exp": NOW - 1}),
    "not before tomorrow": signed({"nbf": NOW + 86400}),
    "issued tomorrow": signed({"iat": NOW + 86400, "exp": NOW + 90000}),
    "expires before it was issued": signed({"iat": NOW + 30, "exp": NOW + 10}),
    "lives for a year": signed({"exp": NOW + 365 * 86400}),
    "exp of 400 digits": raw("exp", "1" + "0" * 400),
    "exp infinite": raw("exp", "Infinity"),
    "exp not a number": raw("exp", "NaN"),
    "exp null": signed({"exp": None}),
    "exp a string": signed({"exp": str(NOW + 3600)}),
    "exp a float": signed({"exp": NOW + 3600.5}),
    "exp true": signed({"exp": True}),
    "exp negative": signed({"exp": -1}),
    "iat a string": signed({"iat": "now"}),
    "iat infinite": raw("iat", "-Infinity"),
    "no exp": without("exp"),
    "no iat": without("iat"),
    "no aud": without("aud"),
    "no iss": without("iss"),
    "no sub": without("sub"),
    "no jti": without("jti"),
    "no epoch": without("epoch"),
    "epoch a string": signed({"epoch": "0"}),
    "jti a list": signed({"jti": ["a"]}),
    "aud of the page": signed({"aud": "acetate:page"}),
    "aud of somebody else": signed({"aud": "other"}),
    "aud a list with ours": signed({"aud": ["acetate:api", "other"]}),
    "iss of somebody else": signed({"iss": "evil"}),
    "sub a number": signed({"sub": 1}),
    "sub a path": signed({"sub": "../../admin"}),
    "sub null": signed({"sub": None}),
    "crit unknown": signed(header={**HEADER, "crit": ["x"], "x": 1}),
    "b64 false": signed(header={**HEADER, "b64": False, "crit": ["b64"]}),
    "key in the header": signed(header={**HEADER, "jwk": {"kty": "oct", "k": part(KEY.encode())}}),
    "key at an address": signed(header={**HEADER, "jku": "http://127.0.0.1:9/keys"}),
    "key id that climbs": signed(header={**HEADER, "kid": "../../../../dev/null"}),
    "another typ": signed(header={"alg": "HS256", "typ": "at+jwt"}),
    "header 1,000 deep": f"{part(nested(1000).encode())}.{part(GOOD)}.x",
    "header 100,000 deep": f"{part(nested(100_000).encode())}.{part(GOOD)}.x",
    "body 1,000 deep": signed(text=json.dumps({**GOOD, "x": "@"}).replace('"@"', "[" * 1000 + "]" * 1000).encode()),
    "body a list": signed(text=b"[]"),
    "body a string": signed(text=b'"acetate"'),
    "body not JSON": signed(text=b"\xff\xfe"),
    "three megabytes": VALID + "A" * 3_000_000,
    "five parts (JWE)": ".".join([part({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}), "", "a", "b", "c"]),
    "two parts": ".".join(VALID.split(".")[:2]),
    "dots": "..",
    "a NUL": VALID + "\0",
    "not ASCII": "ａｃｅｔａｔｅ.ａ.ｂ",
    "not base64": "!!!.???.###",
}
STRICTER = {
    "lives for a year", "exp of 400 digits", "exp a string", "exp a float", "no epoch", "epoch a string",
    "aud a list with ours", "sub a path", "key in the header", "key at an address", "key id that climbs", "another typ",
}  # fmt: skip
"""What PyJWT takes with the same options, and we do not."""


def ours(token: str) -> bool:
    try:
        tokens.read(token, audience="acetate:api", key=KEY)
    except Unauthorized:
        return False
    return True


def oracle(token: str) -> bool:
    required = ["exp", "iat", "aud", "iss", "sub", "jti"]
    try:
        pyjwt.decode(
            token, KEY, algorithms=["HS256"], audience="acetate:api", issuer="acetate", options={"require": required}
        )
    except Exception:  # noqa: BLE001  (its ways of refusing are not the subject)
        return False
    return True


def test_there_are_at_least_thirty():
    assert len(HOSTILE) >= 30


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_token_is_not_valid(name):
    assert not ours(HOSTILE[name])
    assert oracle(HOSTILE[name]) == (name in STRICTER)


def test_the_hostile_tokens_differ_from_one_that_both_take():
    assert ours(VALID)
    assert oracle(VALID)


@ONLY_SQLITE
def test_the_api_answers_each_with_401(settings, database):
    """Only the signed one that is as it should be is let in, though the user is there."""
    with database.write() as session:
        session.add(User(id=USER, username="mara", username_key="mara", password_hash="-", role="admin", handles=[]))
    with TestClient(create_app(settings.model_copy(update={"secret_key": SecretStr(KEY)}))) as client:

        def status(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}".encode()}
            return client.get("/api/v1/me", headers=headers).status_code

        assert status(VALID) == 200
        assert {name: status(token) for name, token in HOSTILE.items()} == dict.fromkeys(HOSTILE, 401)


def test_what_we_issue_pyjwt_reads():
    token, claims = tokens.issue(USER, epoch=3, audience="acetate:api", lifetime=timedelta(hours=1), key=KEY)
    assert oracle(token)
    assert tokens.read(token, audience="acetate:api", key=KEY) == claims
    assert (claims.user, claims.epoch) == (USER, 3)


def test_a_token_ends_when_its_time_is_over():
    with freeze_time("2026-11-22 12:00:00") as clock:
        token, _ = tokens.issue(USER, epoch=0, audience="acetate:api", lifetime=timedelta(minutes=5), key=KEY)
        clock.tick(299)
        assert ours(token)
        clock.tick(2)
        assert not ours(token)


@given(
    st.dictionaries(
        st.sampled_from(sorted(GOOD)),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
        min_size=1,
    )
)
def test_we_take_nothing_that_pyjwt_refuses(changes):
    token = signed(changes)
    assert not ours(token) or oracle(token)


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_anything_else_is_the_same_401(token):
    assert not ours(token)
