from __future__ import annotations

from acetate.multipart import boundary, parts

BODY = (
    'preamble\r\n--x\r\nContent-Disposition: form-data; name="a b"; filename="f"\r\nContent-Type: text/plain\r\n\r\n'
    "one\r\ntwo\r\n--x\r\ncontent-disposition: form-data; name=c\r\n\r\n\r\n--x--\r\nepilogue"
)


def contents(body: str, delimiter: str) -> list[tuple[str, str]]:
    return [(part.name, body[part.start : part.end]) for part in parts(body, delimiter)]


def test_the_boundary_is_quoted_or_not():
    assert boundary('multipart/form-data; boundary="a b"') == "a"
    assert boundary("Multipart/Form-Data; charset=utf-8; Boundary=x-1; q=2") == "x-1"


def test_other_media_types_have_no_boundary():
    assert boundary("application/json; boundary=x") is None
    assert boundary("multipart/form-data") is None


def test_the_parts_stand_between_the_delimiters():
    assert contents(BODY, "x") == [("a b", "one\r\ntwo"), ("c", "")]


def test_the_headers_of_a_part_are_its_first_lines():
    first, second = parts(BODY, "x")
    assert "Content-Type: text/plain" in first.headers
    assert second.headers.strip() == "content-disposition: form-data; name=c"


def test_bare_line_feeds_do():
    assert contents('--x\nContent-Disposition: form-data; name="a"\n\none\n--x--', "x") == [("a", "one")]


def test_a_body_that_was_cut_off_ends_its_last_part():
    assert contents('--x\r\nContent-Disposition: form-data; name="a"\r\n\r\non', "x") == [("a", "on")]


def test_a_part_without_headers_has_no_name():
    assert contents("--x\r\n\r\none\r\n--x--", "x") == [("", "one")]
    assert contents("--xone--x--", "x") == [("", "one")]


def test_a_body_without_the_delimiter_has_no_parts():
    assert contents("hello", "x") == []
