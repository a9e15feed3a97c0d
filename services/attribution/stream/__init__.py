"""Kafka as the worker sees it: chunks in, credits out, who owns which partition."""
