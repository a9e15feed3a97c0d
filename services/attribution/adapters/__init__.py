"""What meets the world: Faust and Kafka, RocksDB, the policy file, and the bytes of messages and state."""
