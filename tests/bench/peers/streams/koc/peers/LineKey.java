package koc.peers;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.processor.StreamPartitioner;

/** Key of an assertion; it goes to the partition of its buyer's number, as ours does. */
record LineKey(String text, int partition) {
  static final Serializer<LineKey> SERIALIZER = (topic, key) -> key.text().getBytes(StandardCharsets.UTF_8);
  static final StreamPartitioner<LineKey, byte[]> PARTITIONER =
      (topic, key, value, partitions) -> Optional.of(Set.of(key.partition()));
}
