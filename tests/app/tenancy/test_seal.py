"""What is sealed opens with its own key in its own place, and nowhere else."""

import pytest

from app.tenancy.seal import NotSealedHere, seal, unseal


@pytest.mark.parametrize("clear", ["", "k", "00112233445566778899aabbccddeeff", "ä" * 200])
def test_what_is_sealed_is_read_back(clear: str):
    assert unseal("installation", seal("installation", clear, place="source/a"), place="source/a") == clear


def test_it_cannot_be_read_as_it_lies_there_and_never_looks_the_same_twice():
    first, second = (seal("installation", "00112233", place="p") for _ in range(2))
    assert b"00112233" not in first
    assert first != second


@pytest.mark.parametrize(("secret", "place"), [("another", "source/a"), ("installation", "source/b")])
def test_another_key_or_place_opens_nothing(secret: str, place: str):
    with pytest.raises(NotSealedHere):
        unseal(secret, seal("installation", "k", place="source/a"), place=place)


@pytest.mark.parametrize("byte", [0, 16, -1])
def test_a_changed_byte_opens_nothing(byte: int):
    sealed = bytearray(seal("installation", "key", place="p"))
    sealed[byte] ^= 1
    with pytest.raises(NotSealedHere):
        unseal("installation", bytes(sealed), place="p")


def test_what_is_too_short_opens_nothing():
    with pytest.raises(NotSealedHere):
        unseal("installation", b"short", place="p")
