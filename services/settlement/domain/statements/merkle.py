"""A Merkle tree over the statements of a close: who has one statement and the root can check that it was sealed.

A leaf is sha256(0x00 + sha256 of the statement's canonical JSON), a node sha256(0x01 + left + right). Leaves are in the
order of (party, currency). A last node without a partner moves up unchanged.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

LEFT, RIGHT = b"\0", b"\1"
"""The side on which a hash of a path lies: the first byte of its step."""

_LEAF, _NODE = b"\0", b"\1"


def leaf(digest: bytes) -> bytes:
    """The leaf of a statement.

    Args:
        digest: sha256 of its canonical JSON.
    """
    return sha256(_LEAF + digest).digest()


def root_by_path(digest: bytes, path: Iterable[bytes]) -> bytes:
    """The root that a statement and its path lead to.

    Args:
        digest: sha256 of its canonical JSON.
        path: the hashes beside it from the leaves up, each behind the byte of its side.
    """
    found = leaf(digest)
    for step in path:
        side, beside = step[:1], step[1:]
        found = _node(beside, found) if side == LEFT else _node(found, beside)
    return found


class MerkleTree:
    """The tree over all statements of a close.

    Args:
        digests: sha256 of each statement's canonical JSON, in the order of (party, currency).
    """

    def __init__(self, digests: Sequence[bytes]) -> None:
        level = [leaf(one) for one in digests]
        self._levels = [level]
        while len(level) > 1:
            level = [_node(*level[at : at + 2]) if at + 1 < len(level) else level[at] for at in range(0, len(level), 2)]
            self._levels.append(level)

    @property
    def root(self) -> bytes:
        """What seals all of them; of no statement at all the sha256 of nothing."""
        return self._levels[-1][0] if self._levels[-1] else sha256().digest()

    def path(self, index: int) -> list[bytes]:
        """The steps from a statement to the root, as `root_by_path` takes them."""
        steps = []
        for level in self._levels[:-1]:
            beside = index ^ 1
            if beside < len(level):
                steps.append((LEFT if beside < index else RIGHT) + level[beside])
            index //= 2
        return steps


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()
