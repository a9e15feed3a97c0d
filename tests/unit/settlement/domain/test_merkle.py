"""The tree over statements: whatever their number, each has a path to the root, and nothing else has one."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from services.settlement.domain.statements.merkle import MerkleTree, leaf, root_by_path

digests = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40, unique=True)


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


@given(digests)
def test_every_path_leads_to_the_root(known: list[bytes]) -> None:
    tree = MerkleTree(known)
    assert all(root_by_path(digest, tree.path(index)) == tree.root for index, digest in enumerate(known))


@given(digests, st.data())
def test_no_other_statement_and_no_changed_path_leads_there(known: list[bytes], data: st.DataObject) -> None:
    tree = MerkleTree(known)
    index = data.draw(st.integers(0, len(known) - 1))
    other = data.draw(st.binary(min_size=32, max_size=32).filter(lambda one: one != known[index]))
    path = tree.path(index)
    assert root_by_path(other, path) != tree.root
    if path:
        at, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(8, 263))
        flipped = (int.from_bytes(path[at], "big") ^ 1 << (263 - bit)).to_bytes(33, "big")
        assert root_by_path(known[index], [*path[:at], flipped, *path[at + 1 :]]) != tree.root


@given(digests, st.data())
def test_the_root_changes_with_each_statement_and_with_their_order(known: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(known) - 1))
    changed = [*known[:index], bytes(32), *known[index + 1 :]]
    root = MerkleTree(known).root
    assert (MerkleTree(changed).root == root) == (changed == known)
    assert (MerkleTree(known[::-1]).root == root) == (known[::-1] == known)


def test_a_last_node_without_a_partner_moves_up_unchanged() -> None:
    a, b, c = (leaf(bytes([number]) * 32) for number in range(3))
    tree = MerkleTree([bytes([number]) * 32 for number in range(3)])
    assert tree.root == node(node(a, b), c)
    assert tree.path(2) == [b"\0" + node(a, b)]
    assert tree.path(0) == [b"\1" + b, b"\1" + c]


def test_no_node_passes_for_a_leaf() -> None:
    digests = [bytes(32), bytes([1]) * 32]
    assert MerkleTree(digests).root != leaf(b"".join(map(leaf, digests)))
    assert leaf(digests[0]) == sha256(b"\0" + digests[0]).digest()


def test_one_statement_is_its_own_tree_and_none_has_a_root_too() -> None:
    assert MerkleTree([bytes(32)]).root == leaf(bytes(32))
    assert MerkleTree([]).root == sha256(b"").digest()
