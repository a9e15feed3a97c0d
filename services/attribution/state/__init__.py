"""A partition's state: buyers and waiting events in RocksDB, with the offsets they stand for."""
