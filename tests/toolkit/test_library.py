"""Approved files, read from a tree."""

from __future__ import annotations

from typing import Any

import pytest

from acetate.errors import ApprovedFileError
from acetate.library import Library, Ref, WorkingTree
from acetate.provider import Operation

CHAT = Ref(Operation("together", "chat.completions"), 200, stream=False)


def test_a_contract_lies_under_its_provider_and_operation() -> None:
    assert CHAT.file("contracts") == "contracts/together/chat.completions/200.json"
    assert CHAT._replace(stream=True).file("c") == "c/together/chat.completions/200.stream.json"


def test_what_is_not_there_is_none(sandbox: Any) -> None:
    library = sandbox.project().library
    assert library.contract(CHAT) is None
    assert library.entries("cassettes/a") == []
    assert list(library.refs()) == []


def test_a_library_knows_what_its_contracts_speak_for(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    library = sandbox.project().library
    assert list(library.refs()) == [CHAT]
    assert library.snapshot_names() == ["cassettes/a"]
    assert library.contract(CHAT) is library.contract(CHAT)


def test_decisions_are_no_contracts(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    assert sandbox.project().library.contract_files() == ["contracts/together/chat.completions/200.json"]


def test_the_digest_of_all_contracts_follows_names_and_bytes(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    digests = [sandbox.project().library.contracts_digest()]
    path = sandbox.root / "contracts/together/chat.completions/200.json"
    path.rename(path.with_name("201.json"))
    digests.append(sandbox.project().library.contracts_digest())
    path.with_name("201.json").write_bytes(b"{}")
    digests.append(sandbox.project().library.contracts_digest())
    assert len(set(digests)) == 3


def test_a_contract_of_another_document_is_passed_over(sandbox: Any) -> None:
    path = sandbox.root / "contracts/chat/openapi.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"openapi": "3.1.0"}')
    assert list(sandbox.project().library.refs()) == []


def test_a_damaged_contract_is_named(sandbox: Any) -> None:
    path = sandbox.root / CHAT.file("contracts")
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(ApprovedFileError) as error:
        Library(WorkingTree(sandbox.root)).contract(CHAT)
    assert error.value.where == CHAT.file("contracts")
