"""Settings of every process: `KOC_…` in the environment, else a secret file, else the local stack's, else a default.

A secret may lie in a file named as its variable, in the folder `KOC_SECRETS_DIR`: orchestrators mount secrets so.
`koc local up` leaves its addresses and generated passwords in `.local/stack.json` (mode 0600), so that on a developer's
machine no setting is needed at all. Secrets are `SecretStr`: they do not show in logs.
"""

import json
import os
import re
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from services.kernel.errors import StartRefused

REPOSITORY = Path(__file__).resolve().parents[2]
SHORTEST_TOKEN = 20
_BROKER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s,:\[\]]+)(:[0-9]{1,5})?")


def local_dir() -> Path:
    """Where the local stack lives: `KOC_LOCAL_DIR`, else `.local/` in the repository."""
    return Path(os.environ.get("KOC_LOCAL_DIR") or REPOSITORY / ".local").absolute()


class StackFile(PydanticBaseSettingsSource):
    """The `settings` object of the running local stack's stack.json, below the environment."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - its interface
        """Unused: __call__ returns all at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """All settings that the stack wrote; none without a stack.

        Raises:
            StartRefused: the file cannot be read.
        """
        file = local_dir() / "stack.json"
        try:
            return dict(json.loads(file.read_text())["settings"])
        except FileNotFoundError:
            return {}
        except OSError as problem:
            raise StartRefused(
                f"{file} cannot be read ({problem.strerror}): set KOC_LOCAL_DIR to a folder that is yours"
            ) from None
        except (ValueError, KeyError, TypeError):
            raise StartRefused(f"{file} is damaged: `koc local down` removes it") from None


class SecretFiles(SecretsSettingsSource):
    """The files in the folder `KOC_SECRETS_DIR`, each named as its variable and with its value; none if it is unset."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls, secrets_dir=os.environ.get("KOC_SECRETS_DIR") or None)

    def __call__(self) -> dict[str, Any]:
        """All settings that have a file.

        Raises:
            StartRefused: the folder is none, or a file cannot be read.
        """
        folder = os.environ.get("KOC_SECRETS_DIR")
        if folder and not Path(folder).is_dir():
            raise StartRefused(f"KOC_SECRETS_DIR={folder} is no folder: secrets lie there, each in a file of its name")
        try:
            return super().__call__()
        except OSError as problem:
            raise StartRefused(f"the secret {problem.filename} cannot be read: {problem.strerror}") from None


class SettingOrigin(StrEnum):
    """Where a setting comes from; the first that has it counts."""

    ENVIRONMENT = "environment"
    FILE = "secret file"
    STACK = "local stack"
    DEFAULT = "default"


class Settings(BaseSettings):
    """What a process needs to know of the world. Names in the environment: `KOC_` + the upper-case name."""

    model_config = SettingsConfigDict(env_prefix="KOC_", extra="ignore")

    environment: Literal["local", "production"] = Field(
        "local", description="production: what may be left out on a developer's machine is demanded"
    )

    kafka_bootstrap: str = Field("127.0.0.1:9092", description="host:port of the brokers, comma separated")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="SASL_SSL: TLS and a password; SSL: TLS, with a client certificate if the broker asks"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="how the password is proved, where the protocol begins with SASL"
    )
    kafka_username: str | None = Field(None, description="who logs in to Kafka, where the protocol begins with SASL")
    kafka_password: SecretStr | None = Field(None, description="its password")
    kafka_ca_file: Path | None = Field(None, description="CA certificates of the brokers, where the system's do not do")
    kafka_client_cert_file: Path | None = Field(
        None, description="PEM file with our certificate for brokers that ask for one, and those that lead to its CA"
    )
    kafka_client_key_file: Path | None = Field(
        None, description="PEM file with its private key, if the certificate's file does not hold it"
    )
    kafka_client_key_password: SecretStr | None = Field(None, description="what unlocks the private key")
    kafka_replication: int | None = Field(
        None,
        description="replicas of each topic that `koc topics apply` makes, and brokers that must be there; unset: as "
        "many as there are brokers, at most 3",
        ge=1,
    )

    database_url: SecretStr = Field(
        SecretStr("postgresql+psycopg://koc_writer@127.0.0.1:5432/koc"), description="role koc_writer: poster, relay"
    )
    database_owner_url: SecretStr | None = Field(None, description="role koc_owner: migrations only")
    database_reader_url: SecretStr | None = Field(None, description="role koc_reader: reports, explain, verify")
    database_operator_url: SecretStr | None = Field(
        None, description="a personal login in the role koc_operator: runs and commands, recorded under its name"
    )
    database_approver_url: SecretStr | None = Field(
        None,
        description="a second personal login in koc_operator, which approves what the first proposed; unset: the "
        "first, who then approves what others proposed",
    )
    database_payer_url: SecretStr | None = Field(
        None, description="a personal login in koc_operator and koc_payer: payee data and payment files"
    )

    settlement_zone_minutes: int = Field(
        480, description="zone of accounting periods, minutes east of UTC; Asia/Shanghai is 480", ge=-720, le=840
    )

    payer_name: str | None = Field(
        None, description="who pays, as payment files name us; without a stand-in in production, like the next four"
    )
    payer_account: str | None = Field(None, description="IBAN or number of the account that bank payouts leave")
    payer_bank: str | None = Field(None, description="its bank: a BIC, or a clearing code such as CNAPS:102100099996")
    payer_wechat_appid: str | None = Field(None, description="our appid at WeChat Pay")
    payer_alipay_account: str | None = Field(None, description="our Alipay account")

    policy_file: Path | None = Field(None, description="attribution's policies; None = the policies.toml that we ship")
    state_dir: Path = Field(default_factory=lambda: local_dir() / "state", description="RocksDB stores of a worker")
    snapshot_url: str | None = Field(
        None,
        description="where snapshots of the stores go: s3://bucket/prefix (described by AWS_… in the environment, see "
        "docs/architecture.md) or file:///folder; unset: snapshots/ of the local stack, and refused in production",
    )
    snapshot_seconds: float = Field(300, description="between two snapshots of a store", gt=0)
    instance_id: str | None = Field(None, description="static Kafka membership: the pod's name")
    leave_on_stop: bool = Field(
        default=True,
        description="SIGTERM gives a worker's partitions to others at once; false where it always comes back (a "
        "StatefulSet's rollout): they wait for it until the session ends, 10 s",
    )
    http_port: int = Field(0, description="/metrics, /healthz and /readyz; 0 = any free port", ge=0, le=65535)
    http_host: str = Field("127.0.0.1", description="where they listen; 0.0.0.0 only in a container")
    linger_seconds: float = Field(
        0,
        description="a process that ends for a broken invariant serves /metrics so much longer, so that it is scraped",
        ge=0,
    )
    gauge_seconds: float = Field(
        5, description="between two readings of what the books say, for a poster's metrics", gt=0
    )
    console_token: SecretStr | None = Field(
        None,
        description="what a browser must show to read the console's pages, 20 characters or more; unset: whoever "
        "reaches the console's address may read, so that it listens on loopback only",
    )
    console_url: str | None = Field(
        None,
        description="address that people type where the console stands behind a proxy with TLS: https://HOST",
        pattern=r"^https://[A-Za-z0-9.:-]+$",
    )
    run_dir: Path = Field(
        default_factory=lambda: local_dir() / "run",
        description="where each process writes NAME.json: its HTTP address",
    )
    tracing: bool = Field(
        default=False,
        description="spans of records that carry a W3C traceparent, sent by OTLP over HTTP; OTEL_… variables say where",
    )
    log_format: str = Field("auto", pattern="^(auto|json|console)$", description="auto: console on a terminal")

    @field_validator("kafka_bootstrap")
    @classmethod
    def are_addresses(cls, text: str) -> str:
        """Every part looks like host:port; clients of Kafka would fail on others, each in its own way."""
        if not all(_BROKER.fullmatch(part) for part in text.split(",")):
            raise ValueError(f"{text!r} is not host:port of the brokers, comma separated")
        return text

    @field_validator("console_token")
    @classmethod
    def is_long(cls, token: SecretStr | None) -> SecretStr | None:
        """A token that can be guessed protects nothing."""
        if token is not None and len(token.get_secret_value()) < SHORTEST_TOKEN:
            raise ValueError(f"a token of fewer than {SHORTEST_TOKEN} characters can be guessed")
        return token

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours tells what is wrong with its folder
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then secret files, then the local stack."""
        return init_settings, env_settings, SecretFiles(settings_cls), StackFile(settings_cls)


@cache
def settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        StartRefused: one of them makes no sense, or a file with some of them cannot be read.
    """
    try:
        return Settings()
    except ValidationError as problem:
        wrong = [f"{variable_of(name)}: {reason}" for name, reason in _reasons(problem).items()]
        raise StartRefused(f"a setting is wrong: {'; '.join(wrong)}") from None


class FoundSetting(NamedTuple):
    """A setting as it was found.

    Attributes:
        name: in the environment.
        value: as given, a secret's too.
        wrong: why it cannot be used; None = it can.
    """

    name: str
    value: Any
    is_secret: bool
    origin: SettingOrigin
    meaning: str
    wrong: str | None


def found_settings() -> list[FoundSetting]:
    """Every setting with its origin, also if some are wrong.

    Raises:
        StartRefused: a file with some of them cannot be read.
    """
    sources = {
        SettingOrigin.ENVIRONMENT: EnvSettingsSource(Settings)(),
        SettingOrigin.FILE: SecretFiles(Settings)(),
        SettingOrigin.STACK: StackFile(Settings)(),
    }
    try:
        Settings()
        reasons = {}
    except ValidationError as problem:
        reasons = _reasons(problem)
    found = []
    for name, field in Settings.model_fields.items():
        origin = next((one for one, values in sources.items() if name in values), SettingOrigin.DEFAULT)
        value = sources[origin][name] if origin in sources else field.get_default(call_default_factory=True)
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        is_secret = SecretStr in (field.annotation, *get_args(field.annotation))
        found.append(
            FoundSetting(variable_of(name), plain, is_secret, origin, str(field.description), reasons.get(name))
        )
    return found


def variable_of(name: str) -> str:
    """A setting's name in the environment."""
    return f"KOC_{name.upper()}"


def _reasons(problem: ValidationError) -> dict[str, str]:
    """Why each wrong setting is wrong, without its value."""
    found = problem.errors(include_url=False, include_context=False, include_input=False)
    return {str(one["loc"][0]): one["msg"].removeprefix("Value error, ") for one in found}
