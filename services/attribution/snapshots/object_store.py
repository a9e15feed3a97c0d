"""The object store that snapshots go to: what a URL names, how long it is waited for, and what its errors mean.

An S3 is described by the environment, by the names that all its clients know: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_REGION; AWS_ENDPOINT_URL where it is not Amazon's, and AWS_ALLOW_HTTP=true where that has no TLS.

What the library says of an error has a screenful, in which S3 may have quoted the request with its session token, so
that only a sentence of it is passed on.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from services.kernel.errors import StartRefused

QUICK_SECONDS = 3
"""How long names and manifests are waited for: an assignment asks for them, and one that takes longer than the session
(10 s) costs the worker its membership, whereupon it is assigned again, for ever."""

PATIENT_SECONDS = 15
"""How long a file may make no progress. It is tried again only within this time."""

_FAILURES = (BaseError, OSError)
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_ONE_WORD = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION")
_CLIENT = (
    "allow_http",
    "allow_invalid_certificates",
    "proxy_url",
    "proxy_ca_certificate",
    "proxy_excludes",
    "root_certificate",
)
_TRUE = {"1", "true", "on", "yes", "y"}
_HINTS = {
    "NoSuchBucket": "KOC_SNAPSHOT_URL names it; make it, snapshots do not",
    "AccessDenied": "the credentials must allow to list the bucket, and to get, put and delete its objects",
    "InvalidAccessKeyId": "look at AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "look at AWS_SECRET_ACCESS_KEY",
}


def open_store(url: str, silent_seconds: float) -> ObjectStore:
    """The object store at a URL: file:///folder, s3://bucket/prefix. It is not asked for anything yet.

    Args:
        silent_seconds: how long a request waits for an answer; within this time it is tried again.

    Raises:
        StartRefused: it is no such URL, or the environment does not describe an S3.
    """
    if url.startswith(("s3:", "s3a:")):
        _check_environment()
    try:
        return from_url(url, mkdir=True) if url.startswith("file:") else from_url(url, **_remote(silent_seconds))
    except (ValueError, *_FAILURES) as problem:
        raise StartRefused(
            f"KOC_SNAPSHOT_URL={url} cannot be used: {_first_line(problem)}; it is file:///folder or s3://bucket/prefix"
        ) from problem


def _remote(silent_seconds: float) -> dict[str, Any]:
    """The library's own limits are 30 s for a whole file, however large, and as many for one that never comes; given
    others, it forgets those options that the environment holds.
    """
    silent = timedelta(seconds=silent_seconds)
    limits = {"connect_timeout": silent / 3, "read_timeout": silent, "timeout": timedelta(minutes=5)}
    given = {name: os.environ[f"AWS_{name.upper()}"] for name in _CLIENT if f"AWS_{name.upper()}" in os.environ}
    return {
        "client_options": {**limits, **given},
        "retry_config": {"max_retries": 4, "retry_timeout": silent},
    }


def _check_environment() -> None:
    """Refuse what the library would panic at later, or fail at without saying why."""
    for name in _ONE_WORD:
        if re.search(r"\s", os.environ.get(name, "")):
            raise StartRefused(f"{name} has a space or an end of line in it")
    for name in filter(os.environ.get, _ENDPOINTS):
        endpoint = os.environ[name]
        if not _is_address(endpoint):
            raise StartRefused(f"{name}={endpoint} is no address: it is https://host or http://host:port")
        if endpoint.startswith("http:") and os.environ.get("AWS_ALLOW_HTTP", "").lower() not in _TRUE:
            raise StartRefused(f"{name}={endpoint} has no TLS: if that is meant, set AWS_ALLOW_HTTP=true")


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and endpoint.isprintable()
    except ValueError:
        return False


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what an object store raises into a sentence.

    Raises:
        ConnectionError: that sentence.
    """
    try:
        yield
    except _FAILURES as problem:
        raise ConnectionError(sentence(problem)) from None  # what it came from may quote a token


def sentence(problem: BaseException) -> str:
    """What an object store's error means, and what to look at."""
    text = str(problem)
    if code := re.search(r"<Code>(\w+)</Code>", text):
        message = re.search(r"<Message>([^<]{1,200})", text)
        hint = f"; {_HINTS[code[1]]}" if code[1] in _HINTS else ""
        return f"the object store says {code[1]}{': ' + message[1].rstrip('. ') if message else ''}{hint}"
    asked = re.search(r"performing [A-Z]+ (https?://[^/\s]+)(/latest/)?", text)
    if asked is None:
        return _first_line(problem)
    if asked[2]:
        return "no credentials for S3 were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give it a role"
    if status := re.search(r"status code: (\d+ [\w ]+)", text):
        return f"the object store at {asked[1]} answers {status[1]}"
    silent = "does not answer" if "kind: Timeout" in text else "cannot be reached"
    return f"the object store at {asked[1]} {silent}; look at AWS_ENDPOINT_URL, AWS_REGION and the network"


def _first_line(problem: BaseException) -> str:
    return str(problem).strip().partition("\n")[0]
