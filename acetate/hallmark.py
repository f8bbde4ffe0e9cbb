"""Hallmark: what tells a secret: the names it goes by, what its kinds look like, and what stands around it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

__all__ = [
    "COMMON",
    "HEADERS",
    "NAMED",
    "NOT_IN_A_WORD",
    "PHRASES",
    "QUERY",
    "QUOTED_FIELD",
    "SCHEME",
    "SHAPES",
    "THEN",
    "WEAK",
    "Shape",
    "as_shape",
    "is_secret_name",
    "plain_name",
]

HEADERS = frozenset(
    {
        *("authorization", "proxy-authorization", "x-api-key", "api-key", "apikey", "x-goog-api-key", "x-auth-token"),
        *("x-access-token", "cookie", "set-cookie", "cookie2", "set-cookie2", "openai-organization"),
        *("openai-project", "anthropic-organization-id", "x-databricks-org-id", "x-together-client-user-agent"),
        *("x-amz-security-token", "ocp-apim-subscription-key", "private-token", "x-vault-token"),
        *("cf-access-client-id", "cf-access-client-secret", "cf-access-jwt-assertion", "x-csrf-token"),
        *("x-xsrf-token", "x-goog-iam-authorization-token", "x-amzn-oidc-data", "x-amzn-oidc-accesstoken"),
    }
)
_NAMES = frozenset(
    {
        *("token", "jwt", "pwd", "idtoken", "authorization", "proxyauthorization", "setcookie", "xapikey"),
        *("accesskeyid", "awsaccesskeyid", "sshkey", "privatetoken", "hftoken", "githubtoken", "gitlabtoken"),
        *("npmtoken", "slacktoken", "bottoken", "deploytoken"),
    }
)
_NAME_ENDS = (
    *("apikey", "apisecret", "apitoken", "accesstoken", "refreshtoken", "authtoken", "bearertoken", "sessiontoken"),
    *("securitytoken", "oauthtoken", "csrftoken", "xsrftoken", "secret", "secretkey", "privatekey", "accesskey"),
    *("signingkey", "encryptionkey", "subscriptionkey", "masterkey", "accountkey", "sessionkey"),
    *("password", "passwd", "passphrase", "connectionstring", "authorization"),
)
QUERY = frozenset(
    {
        *("key", "token", "sig", "signature", "xamzsignature", "xamzcredential", "xamzsecuritytoken", "auth", "code"),
    }
)


class Shape(NamedTuple):
    """What a kind of key looks like: one of `prefixes`, not inside a word, then `tail`."""

    name: str
    prefixes: tuple[str, ...]
    tail: str


NOT_IN_A_WORD = "(?<![A-Za-z0-9])"
_DIGIT_OR_CAPITAL = r"(?=[a-z_-]{0,30}[A-Z0-9])"
SHAPES = (
    Shape("API key (sk-)", ("sk-",), _DIGIT_OR_CAPITAL + r"[A-Za-z0-9_-]{20,}"),
    # Whose account it is: errors about limits and addresses of images name it.
    Shape("OpenAI organization or project", ("org-", "proj_"), r"(?=[a-z]{0,30}[A-Z0-9])[A-Za-z0-9]{20,}"),
    Shape("Together key", ("tgp_v1_",), r"[A-Za-z0-9_-]{20,}"),
    Shape("Hugging Face token", ("hf_", "api_org_"), r"[A-Za-z0-9]{30,}"),
    Shape("Groq, Pinecone or Cerebras key", ("gsk_", "pcsk_", "csk-"), r"[A-Za-z0-9_]{30,}"),
    Shape("xAI key", ("xai-",), r"[A-Za-z0-9]{30,}"),
    Shape("Perplexity key", ("pplx-",), r"[A-Za-z0-9]{30,}"),
    Shape("Replicate token", ("r8_",), r"[A-Za-z0-9]{30,}"),
    Shape("Fireworks key", ("fw_",), r"[A-Za-z0-9]{22,}"),
    Shape("NVIDIA key", ("nvapi-",), r"[A-Za-z0-9_-]{30,}"),
    Shape("Voyage key", ("pa-",), _DIGIT_OR_CAPITAL + r"[A-Za-z0-9_-]{40,}"),
    Shape("Jina, Tavily or LangSmith key", ("jina_", "tvly-", "lsv2_"), _DIGIT_OR_CAPITAL + r"[A-Za-z0-9_-]{20,}"),
    Shape("Google API key", ("AIza",), r"[A-Za-z0-9_-]{30,}"),
    Shape("Google OAuth token", ("ya29.", "GOCSPX-"), r"[A-Za-z0-9_-]{20,}"),
    Shape(
        "AWS access key",
        ("AKIA", "ASIA"),
        r"[A-Z0-9]{16}(?![A-Za-z0-9])(?:[\s:,;|\"']{1,4}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=]))?",
    ),
    Shape("AWS Bedrock key", ("ABSK",), r"[A-Za-z0-9+/]{60,}={0,2}"),
    Shape("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"[A-Za-z0-9]{36,}"),
    Shape("GitHub token", ("github_pat_",), r"[A-Za-z0-9_]{40,}"),
    Shape("GitLab token", ("glpat-",), r"[A-Za-z0-9_.-]{20,}"),
    Shape(
        "Slack token", ("xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"), r"[A-Za-z0-9-]{10,}"
    ),
    Shape("Slack webhook", ("hooks.slack.com",), r"/services/[A-Za-z0-9/]{20,}"),
    Shape("Stripe key", ("sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"), r"[A-Za-z0-9]{16,}"),
    Shape("SendGrid key", ("SG.",), r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    Shape("npm token", ("npm_",), r"[A-Za-z0-9]{30,}"),
    Shape("PyPI token", ("pypi-",), r"[A-Za-z0-9_-]{50,}"),
    Shape("Vault token", ("hvs.",), r"[A-Za-z0-9_-]{20,}"),
    Shape("DigitalOcean or Docker token", ("dop_v1_", "dckr_pat_"), r"[A-Za-z0-9_-]{20,}"),
    Shape("Databricks token", ("dapi",), r"[a-f0-9]{32}(?:-\d)?(?![A-Za-z0-9])"),
    Shape("Azure storage key", ("AccountKey=", "SharedAccessKey="), r"[A-Za-z0-9+/]{40,}={0,2}"),
    Shape("JSON Web Token", ("eyJ",), r"[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*"),
    Shape(
        "private key",
        ("-----BEGIN",),
        r"[A-Z0-9 ]{1,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*(?:-----END [A-Z0-9 ]{0,40}-----)?",
    ),
)

_RANDOM = r"(?=[A-Za-z._~+/-]{0,60}\d)[A-Za-z0-9._~+/-]{16,}={0,2}"
_SETS = r"""["']?\s{0,4}[:=]\s{0,4}["']?"""
PHRASES = (
    # scheme://user:password@host
    r"""://[^\s/@:"'<>]{0,200}:([^\s/@"'<>]{1,300})@""",
    # Bearer …, and whatever a text says about authorization or a key
    rf"(?i)(?<![a-z])bearer[ \t]{{1,4}}({_RANDOM})",
    rf"(?i)authorization{_SETS}(?:[a-z]{{3,8}}[ \t]{{1,4}})?({_RANDOM})",
    rf"(?i)(?:(?:api|secret|access|private)[_-]?(?:key|token)|secret|passw(?:or)?d){_SETS}({_RANDOM})",
    # a signed URL
    r"(?i)[?&](?:x-amz-(?:signature|credential|security-token)|sig|signature|access_token|api_?key|token|key)="
    r"""([^&#\s"'<>\\]{8,})""",
)
QUOTED_FIELD = r"""["']([A-Za-z0-9_.-]{2,40})["']\s{0,4}:\s{0,4}(?:"([^"\n]+)"|'([^'\n]+)')"""
# What stands around a secret, each from its rarest letter on. `max_tokens` and `tokens` are in every request.
THEN = r"""["'\\\s]{0,8}[:=]"""
NAMED = {
    "k": rf"ey(?:[_-]?id)?s?{THEN}|en{THEN}",
    "z": rf"ation{THEN}",
    "w": rf"(?:or)?ds?{THEN}",
    "j": rf"wt{THEN}",
    "c": rf"rets?{THEN}",
    "p": rf"hrase{THEN}",
    "g": rf"(?<=string){THEN}|(?<=sig)(?:nature)?=",
    "b": r"earer\s",
}
COMMON = "kvbywgpfmucdlhrsnioate "  # most common last
WEAK = re.compile(r"[0-9a-fA-F]{64}|(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])(?=[^0-9]*[0-9])[A-Za-z0-9_+/=.-]{32,}")
SCHEME = re.compile(r"(?:Bearer|Basic|Token|Digest|Negotiate|ApiKey|Api-Key|Key|AWS4-HMAC-SHA256)[ \t]+", re.IGNORECASE)
_SEPARATORS = str.maketrans("", "", "_-. $[]")


@lru_cache(maxsize=4096)
def is_secret_name(name: str, own: frozenset[str] = frozenset()) -> bool:
    """True for `api_key`, `clientSecret`, `X-Auth-Token`; not for `max_tokens`, `eos_token`, `next_page_token`."""
    plain = plain_name(name)
    return plain in _NAMES or plain in own or plain.endswith(_NAME_ENDS) or plain.removesuffix("s").endswith(_NAME_ENDS)


def plain_name(name: str) -> str:
    """A name without case and separators: `apiKey`, `api-key` and `API_KEY` are one."""
    return name.lower().translate(_SEPARATORS)


def as_shape(pattern: str) -> Shape | None:
    """A provider's key shape as a `Shape`, or None if it does not begin with letters of its own. One that does not
    (64 hex digits) is also the shape of a digest, and is looked for only where a key can stand."""
    literal = re.match(r"[A-Za-z][A-Za-z0-9_]*[_-]", pattern)
    return (
        Shape("key of a provider", (literal[0],), pattern[literal.end() :]) if literal and "|" not in pattern else None
    )
