package koc.peers;

import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The join as a Kafka Streams worker: `Main rocksdb|uncached|memory BOOTSTRAP GROUP CLICKS ORDERS CREDITS STATE_DIR`.
 *
 * <p>It prints `ready` once its partitions are assigned, and ends at SIGTERM.
 */
public final class Main {
  static final String STORE = "buyers";
  private static final long CACHE_BYTES = 256L << 20;

  private Main() {}

  public static void main(String[] args) throws InterruptedException {
    KafkaStreams streams = new KafkaStreams(topology(args[0], args[3], args[4], args[5]), settings(args));
    CountDownLatch ended = new CountDownLatch(1);
    streams.setStateListener(
        (now, before) -> {
          if (now == KafkaStreams.State.RUNNING) {
            System.out.println("ready");
          } else if (now.hasCompletedShutdown()) {
            ended.countDown();
          }
        });
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
    ended.await();
  }

  private static Topology topology(String store, String clicks, String orders, String credits) {
    return new Topology()
        .addSource("clicks", clicks)
        .addSource("orders", orders)
        .addProcessor("join", () -> new Join(clicks), "clicks", "orders")
        .addStateStore(store(store), "join")
        .addSink("credits", credits, LineKey.SERIALIZER, new ByteArraySerializer(), LineKey.PARTITIONER, "join");
  }

  /** RocksDB with changelog, with a cache or (the builder's default) without; or a map that a restart loses. */
  private static StoreBuilder<KeyValueStore<byte[], byte[]>> store(String kind) {
    boolean durable = !kind.equals("memory");
    var supplier = durable ? Stores.persistentKeyValueStore(STORE) : Stores.inMemoryKeyValueStore(STORE);
    var builder = Stores.keyValueStoreBuilder(supplier, Serdes.ByteArray(), Serdes.ByteArray());
    return switch (kind) {
      case "rocksdb" -> builder.withCachingEnabled();
      case "uncached" -> builder;
      case "memory" -> builder.withLoggingDisabled();
      default -> throw new IllegalArgumentException(kind);
    };
  }

  private static Properties settings(String[] args) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[1]);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[2]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[6]);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.AT_LEAST_ONCE);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
    settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.ACKS_CONFIG), "all");
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 512 * 1024);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L << 20);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 4000);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    return settings;
  }
}
