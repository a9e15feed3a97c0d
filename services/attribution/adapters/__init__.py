"""Faust, RocksDB and Kafka, behind the ports of the use cases."""
