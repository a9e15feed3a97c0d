package koc.peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Events of the two input topics, read token by token: the fastest of Jackson's ways. */
final class Events {
  private final JsonFactory json = new JsonFactory();
  private final Moments moments;

  Events(Moments moments) {
    this.moments = moments;
  }

  Touch touch(byte[] value, long offset) throws IOException {
    String eventId = null, kind = null, platform = null, koc = null, content = null, contentType = null;
    String product = null, shop = null, brand = null, campaign = null, traffic = null;
    long at = 0;
    try (JsonParser in = json.createParser(value)) {
      in.nextToken();
      for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
        String text = in.nextTextValue();
        switch (name) {
          case "event_id" -> eventId = text;
          case "event_type" -> kind = text;
          case "occurred_at" -> at = moments.parse(text);
          case "platform" -> platform = text;
          case "koc_id" -> koc = text;
          case "content_id" -> content = text;
          case "content_type" -> contentType = text;
          case "product_id" -> product = text;
          case "shop_id" -> shop = text;
          case "brand_id" -> brand = text;
          case "campaign_id" -> campaign = text;
          case "traffic" -> traffic = text;
          default -> in.skipChildren();
        }
      }
    }
    return new Touch(
        at, offset, eventId, kind, platform, koc, content, contentType, product, shop, brand, campaign, traffic);
  }

  Order order(byte[] value, long offset) throws IOException {
    String eventId = null, orderId = null, platform = null, shop = null, currency = null;
    boolean newCustomer = false;
    long at = 0;
    List<Order.Line> lines = new ArrayList<>(1);
    try (JsonParser in = json.createParser(value)) {
      in.nextToken();
      for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
        JsonToken token = in.nextToken();
        switch (name) {
          case "event_id" -> eventId = in.getText();
          case "occurred_at" -> at = moments.parse(in.getText());
          case "order_id" -> orderId = in.getText();
          case "platform" -> platform = in.getText();
          case "shop_id" -> shop = in.getText();
          case "currency" -> currency = in.getText();
          case "new_customer" -> newCustomer = token == JsonToken.VALUE_TRUE;
          case "lines" -> {
            while (in.nextToken() != JsonToken.END_ARRAY) {
              lines.add(line(in));
            }
          }
          default -> in.skipChildren();
        }
      }
    }
    return new Order(at, offset + 1, eventId, orderId, platform, shop, currency, newCustomer, lines);
  }

  private static Order.Line line(JsonParser in) throws IOException {
    String id = null, product = null, sku = null, brand = null, category = null;
    long quantity = 0, goods = 0, platformDiscount = 0, shopDiscount = 0, tax = 0, shipping = 0;
    for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
      in.nextToken();
      switch (name) {
        case "line_id" -> id = in.getText();
        case "product_id" -> product = in.getText();
        case "sku_id" -> sku = in.getValueAsString();
        case "brand_id" -> brand = in.getText();
        case "category_id" -> category = in.getValueAsString();
        case "quantity" -> quantity = in.getLongValue();
        case "goods_paid_minor" -> goods = in.getLongValue();
        case "platform_discount_minor" -> platformDiscount = in.getLongValue();
        case "shop_discount_minor" -> shopDiscount = in.getLongValue();
        case "tax_minor" -> tax = in.getLongValue();
        case "shipping_minor" -> shipping = in.getLongValue();
        default -> in.skipChildren();
      }
    }
    return new Order.Line(
        id, product, sku, brand, category, quantity, goods, platformDiscount, shopDiscount, tax, shipping);
  }
}
