package koc.peers;

import java.util.Comparator;

/** A touch of a buyer; times are microseconds since the epoch, `offset` is its place in the clicks log. */
record Touch(
    long occurredAt,
    long offset,
    String eventId,
    String kind,
    String platform,
    String kocId,
    String contentId,
    String contentType,
    String productId,
    String shopId,
    String brandId,
    String campaignId,
    String traffic) {

  /** Latest first, then by id. */
  static final Comparator<Touch> LATEST_FIRST =
      Comparator.comparingLong(Touch::occurredAt).reversed().thenComparing(Touch::eventId);
}
