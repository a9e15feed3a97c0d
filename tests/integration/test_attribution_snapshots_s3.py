"""Snapshots on an S3: all that holds in memory and on a file system, and what is said when it cannot be used."""

import socket
import time
import traceback

import pytest

from services.attribution.snapshots import archive
from services.attribution.snapshots.archive import open_snapshots
from services.attribution.snapshots.object_store import open_store
from services.kernel.errors import StartRefused
from tests.kit.attribution_snapshots import *  # noqa: F403 - what holds on every object store

NOBODY = "http://127.0.0.1:9"
"""Where nothing listens."""


@pytest.fixture
def s3_url(s3, monkeypatch):
    """A bucket of this test's own, with an environment that leads to it."""
    s3.lead_to(monkeypatch)
    return s3.new_url()


@pytest.fixture
def store(s3_url):
    return open_store(s3_url, 15)


@pytest.fixture
def silent_address(monkeypatch):
    """Connections are taken and never answered; waiting is cut short."""
    monkeypatch.setattr(archive, "QUICK_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def said_of(url):
    """What is raised when snapshots are looked for: one sentence, nothing behind it, no secret, soon."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(archive, "PATIENT_SECONDS", 180)
        snapshots = open_snapshots(url)
    began = time.monotonic()
    with pytest.raises(ConnectionError) as problem:
        snapshots.names(3)
    assert time.monotonic() - began < 90, "far less than the patience for a snapshot itself"
    said = "".join(traceback.format_exception(problem.value))
    assert "Debug source" not in said
    assert "GenericError" not in said
    return str(problem.value)


def test_a_bucket_that_is_not_there_is_named_as_what_is_wrong(s3_url):
    del s3_url
    said = said_of("s3://no-such-bucket/state")
    assert said.startswith("the object store says NoSuchBucket: The specified bucket does not exist; KOC_SNAPSHOT_URL")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("AWS_ACCESS_KEY_ID", "the object store says InvalidAccessKeyId: The AWS Access Key Id you provided"),
        ("AWS_SECRET_ACCESS_KEY", "the object store says SignatureDoesNotMatch: The request signature we calculated"),
    ],
)
def test_wrong_credentials_are_named_as_what_is_wrong_and_not_shown(s3_url, monkeypatch, name, sentence):
    monkeypatch.setenv(name, "NOT-ITS-OWN")
    said = said_of(s3_url)
    assert said.startswith(sentence)
    assert said.endswith(f"look at {name}")
    assert "NOT-ITS-OWN" not in said


def test_without_credentials_it_says_which_are_missing(s3_url, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", NOBODY)
    assert said_of(s3_url).startswith("no credentials for S3 were found: set AWS_ACCESS_KEY_ID and")


def test_an_endpoint_that_is_not_there_is_given_up_after_a_few_tries(s3_url, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOBODY)
    assert said_of(s3_url).startswith(f"the object store at {NOBODY} cannot be reached; look at AWS_ENDPOINT_URL")


def test_wrong_credentials_refuse_a_start_without_a_disk_and_leave_one_with_it_alone(place, s3_url, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "NOT-ITS-OWN")
    place.snapshots = open_snapshots(s3_url)
    with pytest.raises(StartRefused, match="snapshots of partition 3 cannot be read: the object store says Signature"):
        place.opened_at()
    place.write(10)
    assert place.opened_at() == 10


def test_an_endpoint_that_never_answers_is_not_waited_for(s3_url, silent_address, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", silent_address)
    assert said_of(s3_url).startswith(f"the object store at {silent_address} does not answer; look at AWS")
