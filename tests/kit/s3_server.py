"""An S3 on loopback (moto's server): buckets, a user whose keys are checked, pages of two names, files in parts."""

import os
import re
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path
from typing import Self

import boto3
import pytest

from tests.kit.processes import dies_with_us
from tests.kit.waiting import until

REGION = "eu-central-1"
ALLOWED = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'


class S3Server:
    """A server process, ended with the block.

    Attributes:
        environment: what a process needs to know to use it.
    """

    def __init__(self, folder: Path) -> None:
        self._log = folder / "s3.log"

    def __enter__(self) -> Self:
        server = [str(Path(sys.executable).with_name("moto_server")), "--host", "127.0.0.1", "--port", "0"]
        environment = {**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": "2"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(dies_with_us(server), env=environment, stdout=log, stderr=log)
        self._address = self._listens_at()
        self._admin = boto3.Session("any", "any", region_name=REGION)
        self.environment = self._with_a_user_of_its_own()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _listens_at(self) -> str:
        found: list[str] = []

        def listens() -> bool:
            found.extend(re.findall(r"Running on (http://127\.0\.0\.1:\d+)", self._log.read_text()))
            return bool(found)

        until(listens, "the S3 server listens", process=self)
        return found[0]

    def problem(self) -> str | None:
        """With which status the server ended; None while it runs."""
        status = self._process.poll()
        return None if status is None else f"the S3 server ended with {status}"

    def last_words(self) -> str:
        """What it has written."""
        return self._log.read_text()

    def _with_a_user_of_its_own(self) -> dict[str, str]:
        iam = self._admin.client("iam", endpoint_url=self._address)
        iam.create_user(UserName="koc")
        iam.put_user_policy(UserName="koc", PolicyName="snapshots", PolicyDocument=ALLOWED)
        key = iam.create_access_key(UserName="koc")["AccessKey"]
        self._check_keys()
        return {
            "AWS_ENDPOINT_URL": self._address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    def _check_keys(self) -> None:
        """From now on whoever asks must be somebody, as on any S3; moto lets everybody in until it is told to."""
        address, kind = f"{self._address}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(address, b"0", kind), timeout=30).close()  # noqa: S310 - loopback

    def lead_to(self, patch: pytest.MonkeyPatch) -> None:
        """Make clients of this process use it, whatever S3 the environment knew before."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in self.environment.items():
            patch.setenv(name, value)

    def new_url(self) -> str:
        """The URL of a prefix in a new bucket."""
        known = self.environment
        keys = {
            "aws_access_key_id": known["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": known["AWS_SECRET_ACCESS_KEY"],
        }
        s3 = boto3.client("s3", endpoint_url=self._address, region_name=REGION, **keys)
        name = f"bucket-{uuid.uuid4().hex}"
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return f"s3://{name}/state/of/koc"
