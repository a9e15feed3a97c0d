"""A partition's state: buyers and waiting events in RocksDB, with the offsets up to which the logs are applied."""
