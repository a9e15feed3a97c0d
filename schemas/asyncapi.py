"""The AsyncAPI 3 document of all topics, built from the registry of topics, the models and the specimens."""

from typing import Any

from schemas.reasons import MEANING
from schemas.specimens import MODELS, VALID
from schemas.topics import ALL, DLQS, FOR_EVER, INPUTS, Topic

Document = dict[str, Any]

_CLOUD_EVENTS = {
    "type": "object",
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string"},
        "ce_type": {"type": "string"},
        "ce_source": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time"},
    },
}
_REFUSAL = {
    "type": "object",
    "required": ["reason", "detail", "source_topic", "source_partition", "source_offset"],
    "properties": {
        "reason": {"type": "string", "enum": [str(reason) for reason in MEANING]},
        "detail": {"type": "string", "description": "what is wrong where, for a person"},
        "source_topic": {"type": "string"},
        "source_partition": {"type": "string", "pattern": "^[0-9]+$"},
        "source_offset": {"type": "string", "pattern": "^[0-9]+$"},
    },
}


def document(version: str) -> Document:
    """The whole document; schemas are referred to as json/NAME.schema.json beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "KOC commission settlement",
            "version": version,
            "description": "Clicks, orders and reference data in; credits, a double-entry ledger, commands and "
            "statements out. Records are JSON, one event a record, partitioned by murmur2 of the key.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in ALL},
        "operations": {_operation_name(topic): _operation(topic) for topic in ALL},
        "components": {
            "messages": {name: _message(name, topic) for topic, models in MODELS.items() for name in models}
            | {"refused": _refused()},
            "messageTraits": {"cloudEvents": {"headers": _CLOUD_EVENTS}},
        },
    }


def _messages(topic: Topic) -> list[str]:
    return ["refused"] if topic in DLQS else list(MODELS[topic.name])


def _channel(topic: Topic) -> Document:
    kept = "for ever" if topic.retention_ms == FOR_EVER else f"{topic.retention_ms // 86_400_000} days"
    return {
        "address": topic.name,
        "description": f"Written by {topic.written_by}, read by {topic.read_by}, kept {kept}. Key: {topic.key}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _messages(topic)},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": topic.retention_ms},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation_name(topic: Topic) -> str:
    return f"{'receive' if topic in INPUTS else 'send'}_{topic.name}"


def _operation(topic: Topic) -> Document:
    """What this service does there: it receives its inputs and sends everything else."""
    return {
        "action": "receive" if topic in INPUTS else "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in _messages(topic)],
    }


def _message(name: str, topic: str) -> Document:
    ours = topic not in {one.name for one in INPUTS}
    return {
        "name": name,
        "summary": (MODELS[topic][name].__doc__ or name).strip().splitlines()[0],
        "contentType": "application/json",
        "payload": {"$ref": f"json/{name}.schema.json"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
        "examples": [{"name": "valid", "payload": VALID[name]}],
    } | ({"traits": [{"$ref": "#/components/messageTraits/cloudEvents"}]} if ours else {})


def _refused() -> Document:
    return {
        "name": "refused",
        "summary": "A refused record with its original bytes, key and headers, and headers that say why.",
        "description": " ".join(f"{reason}: {meaning}." for reason, meaning in MEANING.items()),
        "contentType": "application/octet-stream",
        "headers": _REFUSAL,
        "payload": {"description": "the original bytes, whatever they are"},
    }
