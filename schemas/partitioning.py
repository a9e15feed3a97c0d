"""Who owns a key: Kafka's default partitioner, as Java, aiokafka and kafka-python have it.

librdkafka's own default is another one (CRC32): its clients need `partitioner=murmur2_random`.
"""

_WORD = 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """The partition number that Kafka's default partitioner gives to a key."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 with its seed 0x9747b28c, unsigned (org.apache.kafka.common.utils.Utils.murmur2)."""
    length = len(data)
    whole = length & ~3
    hashed = 0x9747B28C ^ length
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * 0x5BD1E995 & _WORD
        hashed = (hashed * 0x5BD1E995 & _WORD) ^ ((word ^ word >> 24) * 0x5BD1E995 & _WORD)
    if length > whole:
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * 0x5BD1E995 & _WORD
    hashed = (hashed ^ hashed >> 13) * 0x5BD1E995 & _WORD
    return hashed ^ hashed >> 15
