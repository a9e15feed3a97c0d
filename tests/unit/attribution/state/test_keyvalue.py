"""What state needs of a database, which the one in memory does as RocksDB does."""


def test_rows_are_found_scanned_in_order_and_deleted(reopen):
    database = reopen()
    database.write({b"a/2": b"2", b"a/1": b"1", b"b/1": b"3", b"a/\xff": b"4"})
    database = reopen()
    assert database.get_many([b"a/1", b"nothing", b"b/1"]) == [b"1", None, b"3"]
    assert list(database.scan(b"a/")) == [(b"a/1", b"1"), (b"a/2", b"2"), (b"a/\xff", b"4")]
    database.write({b"a/1": None, b"never": None, b"a/2": b"new"})
    database = reopen()
    assert list(database.scan(b"a/")) == [(b"a/2", b"new"), (b"a/\xff", b"4")]
    assert database.get_many([]) == []
