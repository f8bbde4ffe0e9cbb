"""The kinds of change: the whole catalogue as data, with a severity for each edge.

A kind is an error where a party that kept to the old contract can stop working, and a warning where what was seen
cannot decide that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["KINDS", "UNCLASSIFIED", "Edge", "Group", "Kind", "Place", "Severity", "Sides", "severity"]

Severity = Literal["error", "warn", "info", "none"]
Edge = Literal["consume", "provide"]
Group = Literal["Fields", "Types", "Values", "Protocol", "Stream", "Library"]
Place = Literal["exchange", "library", "document", "later version"]
Sides = Literal["words", "values", "paths"]

UNCLASSIFIED: Final = "unclassified"
"""The kind of a difference that fits no other one; also what an id is judged as that this version does not know."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of change. `consume` and `provide` are its severities.

    `seen_in` is the least one must look at to see it: one exchange and its approved files, the whole library in a
    complete run, or two documents; `later version` is honest about what nothing reports so far. `explanation` is for
    `acetate explain`, and is shown beside changes of the kind: what is an example in it says so. `sides` says what
    before and after are: words (type names), JSON values, or two paths.
    """

    id: str
    group: Group
    consume: Severity
    provide: Severity
    seen_in: Place
    explanation: str
    sides: Sides = "words"


def severity(kind: str, edge: Edge, overrides: Mapping[str, Severity]) -> Severity:
    """How bad a kind is at an edge. Overrides are keyed by kind, or by edge and kind (`consume.field-added`), which
    wins. An unknown kind is judged as `unclassified`: never silence."""
    known = KINDS.get(kind, KINDS[UNCLASSIFIED])
    catalogued = known.consume if edge == "consume" else known.provide
    return overrides.get(f"{edge}.{kind}", overrides.get(kind, catalogued))


_FIELDS = (
    Kind(
        "field-removed", "Fields", "error", "error", "exchange",
        "A field that every approved response had is gone. Code that reads it breaks: for example `body['usage']` "
        "raises KeyError. Change the readers, then accept; or reject and keep the old recording.",
    ),
    Kind(
        "optional-field-removed", "Fields", "warn", "error", "exchange",
        "A field that some approved responses had is not in this one. It may be gone, or this response is one that "
        "never had it: look at how often it was there. In your own API the document promises it no more, and clients "
        "that show it where it is there lose it. Accept if readers already live without it.",
    ),
    Kind(
        "field-added", "Fields", "info", "warn", "exchange",
        "A field that nobody has approved yet. Readers that ignore what they do not know are safe; in your own API "
        "it is a new promise, and perhaps a leak (for example `password_hash`). Accept it once it is meant.",
    ),
    Kind(
        "undocumented-field", "Fields", "info", "error", "document",
        "The body has a field that the OpenAPI document does not name. Generated clients drop it, and nobody "
        "decided to show it. Document it, or leave it out of the response.",
    ),
    Kind(
        "became-optional", "Fields", "error", "error", "document",
        "A required field may now be absent. Code that reads it without asking breaks on the first response that "
        "lacks it. Make readers ask (for example `body.get('usage')`), then accept.",
    ),
    Kind(
        "presence-dropped", "Fields", "warn", "warn", "library",
        "An optional field is present much less often than it was approved. Something upstream may have begun to "
        "drop it. Compare the models in the evidence; accept if the new rate is right.",
    ),
    Kind(
        "became-required", "Fields", "info", "info", "document",
        "An optional field is now always there. No reader breaks. Accept to approve the stronger promise.",
    ),
    Kind(
        "presence-rose", "Fields", "info", "info", "library",
        "An optional field is present more often than it was approved. No reader breaks. Accept to keep the new "
        "rate.",
    ),
    Kind(
        "body-wrapped", "Fields", "error", "error", "exchange",
        'The whole body moved inside an envelope: for example `{...}` became `{"data": {...}}`. Every reader breaks at '
        "its first key. Unwrap it in one place of your client, then accept.",
        "paths",
    ),
    Kind(
        "body-unwrapped", "Fields", "error", "error", "exchange",
        'An envelope is gone: for example `{"data": {...}}` became `{...}`. Every reader breaks at its first key. '
        "Read the body itself, then accept.",
        "paths",
    ),
    Kind(
        "field-renamed", "Fields", "error", "error", "exchange",
        "A field is gone and one of the same shape stands beside where it was: for example `title` became `name`. "
        "Code that reads the old name breaks. Read the new name (in your own API: answer with both for a while), "
        "then accept.",
        "paths",
    ),
    Kind(
        "field-moved", "Fields", "error", "error", "exchange",
        "A field has the same name and shape but another parent: for example `$.tokens` became `$.usage.tokens`. "
        "Code that reads the old place breaks. Read the new place, then accept.",
        "paths",
    ),
    Kind(
        "additional-properties-opened", "Fields", "info", "warn", "document",
        "The document now allows fields that it does not name. Strict clients may meet what they cannot read. "
        "Accept if that freedom is meant.",
    ),
    Kind(
        "additional-properties-closed", "Fields", "info", "info", "document",
        "The document no longer allows fields that it does not name. No reader breaks. Accept to approve the "
        "stronger promise.",
    ),
    Kind(
        "deprecated", "Fields", "info", "info", "document",
        "The document marks something as deprecated. Nothing breaks today. Plan to stop using it, then accept.",
    ),
    Kind(
        "undeprecated", "Fields", "info", "info", "document",
        "The document takes a deprecation back. Nothing breaks. Accept.",
    ),
    Kind(
        "sunset-set", "Fields", "info", "info", "document",
        "The document names a day after which something ends. Nothing breaks before that day. Move off it in time, "
        "then accept.",
    ),
)  # fmt: skip

_TYPES = (
    Kind(
        "became-nullable", "Types", "error", "error", "exchange",
        "A value that was never null is null. Code that uses it at once breaks, for example in `None + 1` or "
        "`None.strip()`. Handle null where it is read, then accept.",
    ),
    Kind(
        "became-not-nullable", "Types", "info", "info", "document",
        "A value that could be null no longer can. No reader breaks. Accept to approve the stronger promise.",
    ),
    Kind(
        "null-only", "Types", "warn", "error", "library",
        "A field that carried values is now null in every exchange. The key is there, so nothing raises, but what "
        "it said is gone. Find out whether the sender stopped filling it before you accept.",
    ),
    Kind(
        "type-changed", "Types", "error", "error", "exchange",
        'A value has another JSON type: for example the number `7` became the string `"7"`. Typed readers refuse it, '
        "untyped ones compute nonsense. Change the readers, then accept.",
    ),
    Kind(
        "type-widened", "Types", "error", "error", "exchange",
        "A value may now have a further type: for example an integer became any number, or a string became a string or "
        "an object. Readers built for the old type break on the new one. Make them take both, then accept.",
    ),
    Kind(
        "type-narrowed", "Types", "info", "info", "document",
        "A value uses fewer types than were approved: for example numbers are now all whole. Readers built for the "
        "wider type still work. Accept.",
    ),
    Kind(
        "scalar-became-object", "Types", "error", "error", "exchange",
        'A plain value became an object: for example `"Paris"` became `{"city": "Paris"}`. Readers of the value break. '
        "Read the right field of the object, then accept.",
    ),
    Kind(
        "object-became-scalar", "Types", "error", "error", "exchange",
        'An object became a plain value: for example `{"city": "Paris"}` became `"Paris"`. Readers that index it '
        "break. Read the value, then accept.",
    ),
    Kind(
        "scalar-became-array", "Types", "error", "error", "exchange",
        'A plain value became an array: for example `"a"` became `["a"]`. Readers of the value break, or walk over '
        "its letters. Read the items, then accept.",
    ),
    Kind(
        "array-became-scalar", "Types", "error", "error", "exchange",
        'An array became a plain value: for example `["a"]` became `"a"`. Loops over it break, or walk over its '
        "letters. Read the value, then accept.",
    ),
    Kind(
        "object-became-map", "Types", "warn", "warn", "exchange",
        "An object with fixed fields now has keys that are data. Readers of the fixed names may find none. Look at "
        "the keys; accept if readers walk over them.",
    ),
    Kind(
        "map-became-object", "Types", "warn", "warn", "exchange",
        "A map whose keys were data now has fixed fields. Readers that walk over all keys may meet values of "
        "several kinds. Accept if they can.",
    ),
    Kind(
        "array-became-map", "Types", "error", "error", "exchange",
        'An array became an object: for example `[{"id": "a"}]` became `{"a": {...}}`. Loops now walk over keys. '
        "Change the readers, then accept.",
    ),
    Kind(
        "map-became-array", "Types", "error", "error", "exchange",
        'An object with keys became an array: for example `{"a": {...}}` became `[{"id": "a"}]`. Look-ups by key '
        "break. Change the readers, then accept.",
    ),
    Kind(
        "map-key-pattern-changed", "Types", "info", "warn", "document",
        "The keys of a map follow another pattern. Code that parses them may refuse the new ones. Check the "
        "parsers, then accept.",
    ),
    Kind(
        "tuple-length-changed", "Types", "error", "error", "document",
        "An array of fixed positions has another length. Code that unpacks it breaks, for example `x, y = point`. "
        "Change the unpacking, then accept.",
    ),
    Kind(
        "union-variant-added", "Types", "error", "error", "document",
        "A value may now take a further form. Readers that tell the forms apart have no branch for it. Add one, or "
        "a fallback, then accept.",
    ),
    Kind(
        "union-variant-removed", "Types", "info", "info", "document",
        "A value no longer takes one of its forms. No reader breaks. Accept; the branch for it can go.",
    ),
    Kind(
        "discriminator-changed", "Types", "error", "error", "document",
        "The field that tells the forms of a value apart is another one, or maps to other forms. Generated clients "
        "pick the wrong form. Generate them again, then accept.",
    ),
)  # fmt: skip

_VALUES = (
    Kind(
        "enum-value-added", "Values", "warn", "error", "exchange",
        'A value appeared that is not among the approved ones: for example `finish_reason` is also `"content_filter"`. '
        "Code that knows only the old ones falls through its `match`, or refuses it. Add a branch, then accept.",
        "values",
    ),
    Kind(
        "enum-value-removed", "Values", "info", "warn", "exchange",
        "One of the approved values is not seen any more: it left a document, or this stream has no event of a type "
        "that some approved ones had. Readers do not break, but a branch waits for what never comes. Accept if it is"
        " gone on purpose.",
        "values",
    ),
    Kind(
        "enum-value-replaced", "Values", "error", "error", "exchange",
        'One value took the place of another: for example a `finish_reason` was `"eos"` and is `"stop"`. Code that '
        "compares with the old one never matches again. Compare with both, then accept.",
        "values",
    ),
    Kind(
        "became-open-string", "Values", "error", "error", "document",
        "A value from a fixed list may now be any string. Readers that know the list meet what they cannot name. "
        "Add a fallback, then accept.",
        "values",
    ),
    Kind(
        "became-enum", "Values", "info", "info", "document",
        "A free string now comes from a fixed list. No reader breaks. Accept to approve the stronger promise.",
        "values",
    ),
    Kind(
        "const-added", "Values", "info", "info", "document",
        "A value is now always the same. No reader breaks. Accept to approve the stronger promise.",
        "values",
    ),
    Kind(
        "const-changed", "Values", "error", "error", "exchange",
        'A value that was always the same is another one: for example `object` was `"chat.completion"` and is not. '
        "Code that tells responses apart by it takes the wrong branch. Change the comparison, then accept.",
        "values",
    ),
    Kind(
        "format-changed", "Values", "error", "error", "exchange",
        "A string has another format: for example a date-time became a date. Parsers of the old format refuse it. "
        "Change the parser, then accept.",
    ),
    Kind(
        "format-lost", "Values", "warn", "error", "exchange",
        "A string that always had a format (for example a date-time, or JSON text) no longer keeps to it. Parsers "
        "may refuse it. Look at a value, handle what does not parse, then accept.",
    ),
    Kind(
        "format-gained", "Values", "info", "info", "document",
        "A free string now promises a format. No reader breaks. Accept to approve the stronger promise.",
    ),
    Kind(
        "pattern-changed", "Values", "warn", "warn", "document",
        "A string follows another pattern. Code that checks or cuts it by the old one may refuse it. Check those "
        "places, then accept.",
    ),
    Kind(
        "pattern-lost", "Values", "warn", "warn", "document",
        "A string no longer promises a pattern. Code that cuts it by the old one may meet what does not fit. Check "
        "those places, then accept.",
    ),
    Kind(
        "range-widened", "Values", "warn", "warn", "document",
        "A number, length or count may be larger or smaller than before. Columns, buffers and checks sized for the "
        "old limits may overflow. Check them, then accept.",
    ),
    Kind(
        "range-narrowed", "Values", "info", "info", "document",
        "A number, length or count keeps to tighter limits. No reader breaks. Accept to approve the stronger "
        "promise.",
    ),
    Kind(
        "array-may-be-empty", "Values", "warn", "error", "exchange",
        "An array that always had items is empty. Code that takes the first one breaks, for example "
        "`body['choices'][0]`. Ask for emptiness where it is read, then accept.",
    ),
    Kind(
        "default-changed", "Values", "info", "info", "document",
        "The document names another default. Who leaves the value out gets something else. Check the callers, then "
        "accept.",
        "values",
    ),
    Kind(
        "value-changed", "Values", "info", "info", "exchange",
        "A value that is shown in snapshots differs between two values that may both occur. No contract breaks. "
        "Accept to take the new one.",
        "values",
    ),
    Kind(
        "order-changed", "Values", "none", "info", "exchange",
        "The same items stand in another order. Who relies on the order sees it; nobody else does. Accept if it "
        "carries no meaning.",
        "values",
    ),
    Kind(
        "length-changed", "Values", "info", "info", "exchange",
        "An array has more or fewer items than the approved one. No contract breaks. Accept to take the new length.",
        "values",
    ),
    Kind(
        UNCLASSIFIED, "Values", "error", "error", "exchange",
        "A difference that fits no kind in this list, so it counts as a break. Look at both sides with `acetate "
        "show`, decide, and report it: the catalogue lacks a row.",
    ),
)  # fmt: skip

_PROTOCOL = (
    Kind(
        "status-added", "Protocol", "warn", "info", "exchange",
        "A successful status that was not approved for this operation: for example `201` beside `200`. Code that asks "
        "for exactly `200` takes it for a failure. Ask for success in general, then accept.",
    ),
    Kind(
        "status-removed", "Protocol", "error", "error", "library",
        "A successful status is not answered any more. Code that waits for it (for example for `202`, to poll then) "
        "never goes on. Change the callers, then accept.",
    ),
    Kind(
        "error-status-added", "Protocol", "warn", "info", "exchange",
        "An error status that was not approved for this operation. Callers may retry what they should not, or the "
        "other way round. Decide what to do on it, then accept.",
    ),
    Kind(
        "error-status-removed", "Protocol", "info", "warn", "library",
        "An error status is not answered any more. In your own API a client may rely on it: for example `404` "
        "became an empty list. Accept if that is meant.",
    ),
    Kind(
        "content-type-changed", "Protocol", "error", "error", "exchange",
        "The body has another media type: for example JSON became HTML or an event stream. Parsers refuse it. Find "
        "out who answered (often a proxy), then change the parser and accept.",
    ),
    Kind(
        "header-removed", "Protocol", "warn", "error", "exchange",
        "A response header that was always sent is gone. Code that reads it (for example `retry-after`) finds "
        "nothing. Make readers ask for it, then accept.",
    ),
    Kind(
        "header-became-optional", "Protocol", "warn", "error", "document",
        "A response header may now be absent. Code that reads it without asking breaks. Make readers ask for it, "
        "then accept.",
    ),
    Kind(
        "endpoint-removed", "Protocol", "error", "error", "document",
        "An operation is gone from the document. Its callers get `404`. Move them off it first, then accept.",
    ),
    Kind(
        "endpoint-added", "Protocol", "info", "info", "document",
        "The document has a new operation. No caller breaks. Accept to approve it.",
    ),
    Kind(
        "request-drift", "Protocol", "info", "info", "exchange",
        "Your own request differs from the one that was approved: a prompt, a parameter, a tool. Nothing breaks by "
        "itself, but the answer belongs to another question. Accept if the change of the request is meant.",
        "values",
    ),
)  # fmt: skip

_STREAM = (
    Kind(
        "stream-event-type-added", "Stream", "warn", "error", "exchange",
        "A stream has an event of a type that nobody has approved. Readers that switch on the type may stop at it. "
        "Let them skip what they do not know, then accept.",
        "values",
    ),
    Kind(
        "stream-event-type-removed", "Stream", "error", "error", "exchange",
        "An event type that every approved stream had does not come any more. Readers that wait for it hang or lose "
        "what it carried. Find where that is sent now, then accept.",
        "values",
    ),
    Kind(
        "stream-terminator-missing", "Stream", "error", "error", "exchange",
        "The stream ended without its last mark (for example `data: [DONE]`). Readers cannot tell an end from a cut "
        "and may wait or raise. Record again; accept only if the provider really stopped sending it.",
    ),
    Kind(
        "stream-field-phase-moved", "Stream", "warn", "warn", "exchange",
        "A field comes in another part of the stream: for example `usage` in every chunk instead of the last one. Code "
        "that sums it up counts twice, code that looks in one place finds nothing. Check the readers, then accept.",
    ),
    Kind(
        "stream-nonstream-divergence", "Stream", "warn", "error", "later version",
        "The streamed reply and the plain one of the same operation differ in shape. Code that treats them alike "
        "breaks on one of the two. No check reports it so far: each of the two is held against what is approved of it. "
        "Check both readers, then accept.",
    ),
)  # fmt: skip

_LIBRARY = (
    Kind(
        "exchange-unapproved", "Library", "warn", "warn", "exchange",
        "An exchange of an operation with nothing approved beside it: it is new, so there is nothing to compare "
        "with. Look at it with `acetate show`, then accept it as the baseline.",
    ),
    Kind(
        "observation-lost", "Library", "warn", "warn", "library",
        "A snapshot is approved, but no cassette exercises it any more, so its contract is no longer checked. "
        "Record it again, or run `acetate prune`.",
    ),
    Kind(
        "redaction-unmatched", "Library", "error", "error", "library",
        "A redaction rule that you wrote matched nothing in a recording run, so what it should hide may have been "
        "written under another name. Correct the rule or remove it. Reported as a problem, because there is nothing "
        "to accept.",
    ),
)  # fmt: skip

KINDS: Final[Mapping[str, Kind]] = {
    kind.id: kind for kind in (*_FIELDS, *_TYPES, *_VALUES, *_PROTOCOL, *_STREAM, *_LIBRARY)
}
"""The whole catalogue by id, in the order in which people should read it."""
