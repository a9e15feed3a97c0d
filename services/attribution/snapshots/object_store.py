"""The object store for snapshots: its URL, its timeouts, and its errors as sentences.

The environment describes an S3 with the usual names: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION;
AWS_ENDPOINT_URL for an S3 that is not Amazon's, and AWS_ALLOW_HTTP=true if this endpoint has no TLS.

An error text of the library fills a screen, and in it S3 may have quoted the request with its session token. Only one
sentence of it is passed on.
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
"""The timeout for names and manifests. An assignment asks for them; if it took longer than the session (10 s), the
worker would lose its membership and be assigned again, for ever."""

PATIENT_SECONDS = 15
"""How long a file may make no progress; retries happen only within this time."""

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
    """The object store at a URL: file:///folder or s3://bucket/prefix. Nothing is requested yet.

    Args:
        silent_seconds: how long a request waits for an answer; retries happen only within this time.

    Raises:
        StartRefused: the URL is invalid, or the environment does not describe an S3.
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
    """Options with our limits.

    The library's own limit is 30 s, for a whole large file as for an answer that never comes. Given any options, the
    library ignores those in the environment, so that they are passed on here.
    """
    silent = timedelta(seconds=silent_seconds)
    limits = {"connect_timeout": silent / 3, "read_timeout": silent, "timeout": timedelta(minutes=5)}
    given = {name: os.environ[f"AWS_{name.upper()}"] for name in _CLIENT if f"AWS_{name.upper()}" in os.environ}
    return {
        "client_options": {**limits, **given},
        "retry_config": {"max_retries": 4, "retry_timeout": silent},
    }


def _check_environment() -> None:
    """Refuse values at which the library would panic later, or fail without a reason."""
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
    """Turn an error of an object store into a sentence.

    Raises:
        ConnectionError: the sentence.
    """
    try:
        yield
    except _FAILURES as problem:
        raise ConnectionError(sentence(problem)) from None  # the original may quote a token


def sentence(problem: BaseException) -> str:
    """The meaning of an object store's error, and where to look."""
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
