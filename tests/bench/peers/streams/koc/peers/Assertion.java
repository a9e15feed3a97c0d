package koc.peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.ByteArrayBuilder;
import java.io.IOException;
import java.util.List;

/** The whole current truth of an order line as JSON: the fields of attribution.credits.v1. */
final class Assertion {
  private static final int MAX_CONSIDERED = 100;

  private final JsonFactory json = new JsonFactory();
  private final ByteArrayBuilder bytes = new ByteArrayBuilder(4096);
  private final Moments moments;

  Assertion(Moments moments) {
    this.moments = moments;
  }

  /** `candidates` latest first. */
  byte[] encode(String buyerId, Order order, Order.Line line, List<Touch> candidates, long touch, int partition)
      throws IOException {
    Rule.Judgement judgement = Rule.judge(buyerId, order, line, candidates);
    String paidAt = moments.format(order.paidAt());
    bytes.reset();
    try (JsonGenerator out = json.createGenerator(bytes)) {
      out.writeStartObject();
      line(out, buyerId, order, line);
      out.writeStringField("paid_at", paidAt);
      out.writeNullField("received_at");
      out.writeNullField("completed_at");
      out.writeStringField("as_of", paidAt);
      step(out, order.eventId(), paidAt);
      out.writeStringField("policy", "last_click");
      credits(out, judgement.credited() < 0 ? null : candidates.get(judgement.credited()));
      considered(out, candidates, judgement.verdicts());
      out.writeObjectFieldStart("version");
      out.writeNumberField("log", 0);
      out.writeNumberField("rules", 1);
      out.writeNumberField("touch", touch);
      out.writeNumberField("order", order.nextOffset());
      out.writeEndObject();
      out.writeNumberField("source_partition", partition);
      out.writeEndObject();
    }
    return bytes.toByteArray();
  }

  private static void line(JsonGenerator out, String buyerId, Order order, Order.Line line) throws IOException {
    out.writeStringField("order_id", order.orderId());
    out.writeStringField("line_id", line.lineId());
    out.writeStringField("buyer_id", buyerId);
    out.writeStringField("platform", order.platform());
    out.writeStringField("shop_id", order.shopId());
    out.writeStringField("brand_id", line.brandId());
    out.writeStringField("product_id", line.productId());
    out.writeStringField("sku_id", line.skuId());
    out.writeStringField("category_id", line.categoryId());
    out.writeStringField("currency", order.currency());
    out.writeNumberField("quantity", line.quantity());
    out.writeBooleanField("new_customer", order.newCustomer());
    out.writeNumberField("goods_paid_minor", line.goodsPaidMinor());
    out.writeNumberField("platform_discount_minor", line.platformDiscountMinor());
    out.writeNumberField("shop_discount_minor", line.shopDiscountMinor());
    out.writeNumberField("refunded_minor", 0);
    out.writeStringField("status", "paid");
  }

  private static void step(JsonGenerator out, String eventId, String at) throws IOException {
    out.writeArrayFieldStart("steps");
    out.writeStartObject();
    out.writeStringField("event_id", eventId);
    out.writeStringField("at", at);
    out.writeNumberField("refunded_minor", 0);
    out.writeBooleanField("cancelled", false);
    out.writeEndObject();
    out.writeEndArray();
  }

  private void credits(JsonGenerator out, Touch touch) throws IOException {
    out.writeArrayFieldStart("credits");
    if (touch != null) {
      out.writeStartObject();
      out.writeStringField("content_id", touch.contentId());
      out.writeStringField("koc_id", touch.kocId());
      out.writeStringField("campaign_id", touch.campaignId());
      out.writeStringField("traffic", touch.traffic());
      out.writeStringField("touch_id", touch.eventId());
      out.writeStringField("touched_at", moments.format(touch.occurredAt()));
      out.writeNumberField("weight_ppm", 1_000_000);
      out.writeEndObject();
    }
    out.writeEndArray();
  }

  private void considered(JsonGenerator out, List<Touch> candidates, String[] verdicts) throws IOException {
    out.writeArrayFieldStart("considered");
    for (int i = 0; i < Math.min(verdicts.length, MAX_CONSIDERED); i++) {
      Touch touch = candidates.get(i);
      out.writeStartObject();
      out.writeStringField("touch_id", touch.eventId());
      out.writeStringField("content_id", touch.contentId());
      out.writeStringField("koc_id", touch.kocId());
      out.writeStringField("touched_at", moments.format(touch.occurredAt()));
      out.writeStringField("verdict", verdicts[i]);
      out.writeEndObject();
    }
    out.writeEndArray();
  }
}
