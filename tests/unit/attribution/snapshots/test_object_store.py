"""What a place for snapshots may be called, and what a wrong one or a failing one says."""

import pytest

from services.attribution.snapshots import object_store
from services.attribution.snapshots.archive import open_snapshots
from services.attribution.snapshots.object_store import in_words
from services.kernel.errors import StartRefused


@pytest.mark.parametrize("url", ["nonsense", "ftp://host/x", "s3://", "s3:///prefix"])
def test_an_invalid_url_is_refused_with_a_sentence(url):
    with pytest.raises(StartRefused, match=r"KOC_SNAPSHOT_URL=.*file:///folder or s3://bucket/prefix"):
        open_snapshots(url)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("AWS_ENDPOINT_URL", "127.0.0.1:9000", "is no address"),
        ("AWS_ENDPOINT_URL", "http://", "is no address"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:99999", "is no address"),
        ("AWS_ENDPOINT_URL_S3", "https://127.0.0.1:9000\n", "is no address"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000", "has no TLS: if that is meant, set AWS_ALLOW_HTTP=true"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret\n", "^AWS_SECRET_ACCESS_KEY has a space or an end of line in it$"),
        ("AWS_REGION", "eu west 1", "AWS_REGION has a space"),
        ("AWS_ALLOW_HTTP", "perhaps", 'failed to parse "perhaps" as boolean'),
    ],
)
def test_an_environment_that_describes_no_s3_is_refused_with_a_sentence(monkeypatch, name, value, sentence):
    for known in (*object_store._ENDPOINTS, *object_store._ONE_WORD, "AWS_ALLOW_HTTP"):
        monkeypatch.delenv(known, raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(StartRefused, match=sentence):
        open_snapshots("s3://bucket/prefix")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("disk full\n\nDebug source: what nobody reads", "disk full"),
        ("Error performing GET http://host:1/b?x in 1 ms - Server returned non-2xx status code: 503 Slow Down: <html>",
         "the object store at http://host:1 answers 503 Slow Down"),
        ("<Error><Code>Odd</Code><Message>It is. </Message><StringToSign>token</StringToSign>",
         "the object store says Odd: It is"),
    ],
)  # fmt: skip
def test_an_error_of_an_object_store_becomes_one_sentence(said, sentence):
    with pytest.raises(ConnectionError) as problem, in_words():
        raise OSError(said)
    assert str(problem.value) == sentence
