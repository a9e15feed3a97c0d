package koc.peers;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One buyer's state over its bytes: a row of entries, each `length, kind, time, id, the rest`.
 *
 * <p>An event is added by appending its entry, and looked up without decoding the others: the cheapest that a state
 * of one value per buyer can be.
 */
final class Buyer {
  private static final byte TOUCH = 0, ORDER = 1;
  private static final int NULL = 255, HEAD = 4 + 1 + 8;
  private static final byte[] EMPTY = {};

  private final byte[] row;
  private final ByteBuffer in;

  Buyer(byte[] row) {
    this.row = row == null ? EMPTY : row;
    this.in = ByteBuffer.wrap(this.row);
  }

  boolean hasTouch(Touch touch) {
    return has(TOUCH, touch.occurredAt(), touch.eventId());
  }

  boolean hasOrder(Order order) {
    return has(ORDER, order.paidAt(), order.orderId());
  }

  /** An id is used for one time only, so that most entries are told apart by it. */
  private boolean has(byte kind, long at, String id) {
    byte[] wanted = null;
    for (int i = 0; i < row.length; i += in.getInt(i)) {
      if (row[i + 4] == kind && in.getLong(i + 5) == at) {
        wanted = wanted == null ? id.getBytes(UTF_8) : wanted;
        int from = i + HEAD + 1;
        if (Arrays.equals(row, from, from + (row[from - 1] & 0xFF), wanted, 0, wanted.length)) {
          return true;
        }
      }
    }
    return false;
  }

  List<Touch> touches(long from, long to) {
    List<Touch> found = new ArrayList<>();
    for (int i = 0; i < row.length; i += in.getInt(i)) {
      long at = in.getLong(i + 5);
      if (row[i + 4] == TOUCH && at >= from && at <= to) {
        in.position(i + HEAD);
        String id = text();
        found.add(
            new Touch(at, in.getLong(), id, text(), text(), text(), text(), text(), text(), text(), text(), text(),
                text()));
      }
    }
    return found;
  }

  List<Order> orders(long from, long to) {
    List<Order> found = new ArrayList<>(0);
    for (int i = 0; i < row.length; i += in.getInt(i)) {
      long at = in.getLong(i + 5);
      if (row[i + 4] == ORDER && at >= from && at <= to) {
        in.position(i + HEAD);
        String id = text();
        found.add(new Order(at, in.getLong(), text(), id, text(), text(), text(), in.get() == 1, lines()));
      }
    }
    return found;
  }

  byte[] with(Touch touch) {
    Entry entry = new Entry(TOUCH, touch.occurredAt(), touch.eventId());
    entry.out.putLong(touch.offset());
    entry.texts(
        touch.kind(), touch.platform(), touch.kocId(), touch.contentId(), touch.contentType(), touch.productId(),
        touch.shopId(), touch.brandId(), touch.campaignId(), touch.traffic());
    return entry.after(row);
  }

  byte[] with(Order order) {
    Entry entry = new Entry(ORDER, order.paidAt(), order.orderId());
    entry.out.putLong(order.nextOffset());
    entry.texts(order.eventId(), order.platform(), order.shopId(), order.currency());
    entry.out.put((byte) (order.newCustomer() ? 1 : 0)).putShort((short) order.lines().size());
    for (Order.Line line : order.lines()) {
      entry.texts(line.lineId(), line.productId(), line.skuId(), line.brandId(), line.categoryId());
      entry.out.putLong(line.quantity()).putLong(line.goodsPaidMinor()).putLong(line.platformDiscountMinor());
      entry.out.putLong(line.shopDiscountMinor()).putLong(line.taxMinor()).putLong(line.shippingMinor());
    }
    return entry.after(row);
  }

  private List<Order.Line> lines() {
    int count = in.getShort();
    List<Order.Line> lines = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      lines.add(
          new Order.Line(text(), text(), text(), text(), text(), in.getLong(), in.getLong(), in.getLong(),
              in.getLong(), in.getLong(), in.getLong()));
    }
    return lines;
  }

  private String text() {
    int length = in.get() & 0xFF;
    if (length == NULL) {
      return null;
    }
    int from = in.position();
    in.position(from + length);
    return new String(row, from, length, UTF_8);
  }

  /** An entry being written. */
  private static final class Entry {
    private static final ThreadLocal<ByteBuffer> SCRATCH = ThreadLocal.withInitial(() -> ByteBuffer.allocate(1 << 18));
    final ByteBuffer out = SCRATCH.get().clear();

    Entry(byte kind, long at, String id) {
      out.putInt(0).put(kind).putLong(at);
      texts(id);
    }

    void texts(String... texts) {
      for (String text : texts) {
        if (text == null) {
          out.put((byte) NULL);
        } else {
          byte[] bytes = text.getBytes(UTF_8);
          out.put((byte) bytes.length).put(bytes);
        }
      }
    }

    byte[] after(byte[] row) {
      out.putInt(0, out.position());
      byte[] longer = Arrays.copyOf(row, row.length + out.position());
      System.arraycopy(out.array(), 0, longer, row.length, out.position());
      return longer;
    }
  }
}
