"""Shared I/O: settings, logs, metrics, health, Kafka, database and the local stack."""
