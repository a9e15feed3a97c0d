package koc.peers;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;

/** Clicks and orders of a buyer: whatever can change an order line publishes the line's whole truth again. */
final class Join implements Processor<byte[], byte[], LineKey, byte[]> {
  private static final byte[] SPEC = "1.0".getBytes(UTF_8);
  private static final byte[] TYPE = "attribution.credits.v1".getBytes(UTF_8);
  private static final byte[] SOURCE = "/koc/attribution".getBytes(UTF_8);

  private final String clicks;
  private final Moments moments = new Moments();
  private final Events events = new Events(moments);
  private final Assertion assertion = new Assertion(moments);
  private ProcessorContext<LineKey, byte[]> context;
  private KeyValueStore<byte[], byte[]> buyers;

  Join(String clicks) {
    this.clicks = clicks;
  }

  @Override
  public void init(ProcessorContext<LineKey, byte[]> context) {
    this.context = context;
    this.buyers = context.getStateStore(Main.STORE);
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    RecordMetadata source = context.recordMetadata().orElseThrow();
    Buyer buyer = new Buyer(buyers.get(record.key()));
    try {
      if (source.topic().equals(clicks)) {
        touch(record, buyer, events.touch(record.value(), source.offset()));
      } else {
        order(record, buyer, events.order(record.value(), source.offset()));
      }
    } catch (IOException bad) {
      throw new UncheckedIOException(bad);
    }
  }

  private void touch(Record<byte[], byte[]> record, Buyer buyer, Touch touch) throws IOException {
    if (buyer.hasTouch(touch)) {
      return;
    }
    byte[] row = buyer.with(touch);
    buyers.put(record.key(), row);
    for (Order order : buyer.orders(touch.occurredAt(), touch.occurredAt() + Rule.CANDIDATE_WINDOW)) {
      publish(record, new Buyer(row), order);
    }
  }

  private void order(Record<byte[], byte[]> record, Buyer buyer, Order order) throws IOException {
    if (buyer.hasOrder(order)) {
      return;
    }
    buyers.put(record.key(), buyer.with(order));
    publish(record, buyer, order);
  }

  private void publish(Record<byte[], byte[]> record, Buyer buyer, Order order) throws IOException {
    List<Touch> candidates = buyer.touches(order.paidAt() - Rule.CANDIDATE_WINDOW, order.paidAt());
    if (candidates.isEmpty()) {
      return;
    }
    long touch = candidates.get(candidates.size() - 1).offset() + 1;
    candidates.sort(Touch.LATEST_FIRST);
    int partition = context.taskId().partition();
    String buyerId = new String(record.key(), UTF_8);
    for (Order.Line line : order.lines()) {
      String key = order.orderId() + "/" + line.lineId();
      byte[] value = assertion.encode(buyerId, order, line, candidates, touch, partition);
      context.forward(
          new Record<>(new LineKey(key, partition), value, record.timestamp(), headers(key, buyerId, order, touch)));
    }
  }

  private RecordHeaders headers(String key, String buyerId, Order order, long touch) {
    String id = key + "/" + buyerId + "@0.1." + touch + "." + order.nextOffset();
    RecordHeaders headers = new RecordHeaders();
    headers.add("ce_specversion", SPEC).add("ce_type", TYPE).add("ce_source", SOURCE);
    headers.add("ce_id", id.getBytes(UTF_8)).add("ce_time", moments.format(order.paidAt()).getBytes(UTF_8));
    return headers;
  }
}
