"""Kafka for the worker: chunks in, credits out, and its membership in the consumer group."""
