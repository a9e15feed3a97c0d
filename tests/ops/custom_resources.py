"""What the custom resources of deploy/k8s may say: the fields that we use, with the types that their operators take.

Written by hand after the operators' API references (KEDA: scaling deployments, the Kafka scaler; prometheus-operator:
PodMonitor and PrometheusRule). A field that is not here is refused: add it with its type when you use it.
"""

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_NUMBER: Schema = {"type": "integer", "minimum": 0}
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_DURATION: Schema = {"type": "string", "pattern": r"^(0|([0-9]+(ms|[smhdwy]))+)$"}


def _object(required: Schema, **optional: Schema) -> Schema:
    """An object with these fields and no others."""
    fields = {**required, **optional}
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of, "minItems": 1}


def _one_of(*values: str) -> Schema:
    return {"enum": list(values)}


_POLICY = _object({"type": _one_of("Pods", "Percent"), "value": _NUMBER, "periodSeconds": _NUMBER})
_SCALING = _object({}, stabilizationWindowSeconds=_NUMBER, policies=_list(_POLICY))
_KAFKA_SCALER = _object(
    {
        "bootstrapServers": _TEXT,
        "consumerGroup": _TEXT,
        "topic": _TEXT,
        "lagThreshold": {"type": "string", "pattern": "^[0-9]+$"},
    },
    activationLagThreshold={"type": "string", "pattern": "^[0-9]+$"},
    allowIdleConsumers=_one_of("true", "false"),
    offsetResetPolicy=_one_of("earliest", "latest"),
)
_SCALED_OBJECT = _object(
    {
        "scaleTargetRef": _object({"name": _TEXT}, apiVersion=_TEXT, kind=_TEXT),
        "triggers": _list(
            _object(
                {"type": _one_of("kafka"), "metadata": _KAFKA_SCALER},
                name=_TEXT,
                authenticationRef=_object({"name": _TEXT}),
            )
        ),
    },
    pollingInterval=_NUMBER,
    minReplicaCount=_NUMBER,
    maxReplicaCount=_NUMBER,
    fallback=_object(
        {"failureThreshold": _NUMBER, "replicas": _NUMBER},
        behavior=_one_of("static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"),
    ),
    advanced=_object(
        {"horizontalPodAutoscalerConfig": _object({"behavior": _object({}, scaleUp=_SCALING, scaleDown=_SCALING)})}
    ),
)
_TRIGGER_AUTHENTICATION = _object(
    {"secretTargetRef": _list(_object({"parameter": _TEXT, "name": _TEXT, "key": _TEXT}))}
)
_REQUIREMENT = _object(
    {"key": _TEXT, "operator": _one_of("In", "NotIn", "Exists", "DoesNotExist")}, values=_list(_TEXT)
)
_POD_MONITOR = _object(
    {
        "selector": _object({}, matchLabels=_TEXTS, matchExpressions=_list(_REQUIREMENT)),
        "podMetricsEndpoints": _list(
            _object(
                {"port": _TEXT},
                path=_TEXT,
                interval=_DURATION,
                scrapeTimeout=_DURATION,
                relabelings=_list(_object({"sourceLabels": _list(_TEXT), "targetLabel": _TEXT})),
            )
        ),
    },
    jobLabel=_TEXT,
)
_RULE: Schema = {
    "oneOf": [
        _object({"record": _TEXT, "expr": _TEXT}, labels=_TEXTS),
        _object({"alert": _TEXT, "expr": _TEXT}, labels=_TEXTS, annotations=_TEXTS, **{"for": _DURATION}),
    ]
}
_PROMETHEUS_RULE = _object(
    {"groups": _list(_object({"name": _TEXT, "rules": _list(_RULE)}, interval=_DURATION))},
)

SPECS: dict[str, tuple[str, Schema]] = {
    "ScaledObject": ("keda.sh/v1alpha1", _SCALED_OBJECT),
    "TriggerAuthentication": ("keda.sh/v1alpha1", _TRIGGER_AUTHENTICATION),
    "PodMonitor": ("monitoring.coreos.com/v1", _POD_MONITOR),
    "PrometheusRule": ("monitoring.coreos.com/v1", _PROMETHEUS_RULE),
}
"""By kind: its apiVersion, and the schema of its `spec`."""


def schema_of(kind: str) -> Schema | None:
    """The schema of a whole custom resource; None if the kind is Kubernetes' own."""
    if kind not in SPECS:
        return None
    version, spec = SPECS[kind]
    metadata: Schema = {"type": "object"}  # Kubernetes checks it
    return _object({"apiVersion": {"const": version}, "kind": {"const": kind}, "metadata": metadata, "spec": spec})
