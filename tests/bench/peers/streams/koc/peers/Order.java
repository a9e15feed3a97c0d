package koc.peers;

import java.util.List;

/** A paid order; `nextOffset` is the offset after its event in the orders log. */
record Order(
    long paidAt,
    long nextOffset,
    String eventId,
    String orderId,
    String platform,
    String shopId,
    String currency,
    boolean newCustomer,
    List<Line> lines) {

  /** A line of an order as it was paid. */
  record Line(
      String lineId,
      String productId,
      String skuId,
      String brandId,
      String categoryId,
      long quantity,
      long goodsPaidMinor,
      long platformDiscountMinor,
      long shopDiscountMinor,
      long taxMinor,
      long shippingMinor) {}
}
