package koc.peers;

import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.Map;

/** RFC 3339 text and microseconds since the epoch; the days' texts are kept, as events come in few days. */
final class Moments {
  static final long HOUR = 3_600_000_000L;
  static final long DAY = 24 * HOUR;
  private static final int SECONDS_LENGTH = "2026-10-02T00:00:00Z".length();

  private final Map<Long, String> dayTexts = new HashMap<>();
  private final Map<String, Long> days = new HashMap<>();

  long parse(String text) {
    if (text.length() != SECONDS_LENGTH || text.charAt(SECONDS_LENGTH - 1) != 'Z') {
      var moment = OffsetDateTime.parse(text).toInstant();
      return moment.getEpochSecond() * 1_000_000 + moment.getNano() / 1000;
    }
    long day = days.computeIfAbsent(text.substring(0, 10), it -> LocalDate.parse(it).toEpochDay());
    long seconds = two(text, 11) * 3600L + two(text, 14) * 60L + two(text, 17);
    return day * DAY + seconds * 1_000_000;
  }

  private static int two(String text, int at) {
    return (text.charAt(at) - '0') * 10 + text.charAt(at + 1) - '0';
  }

  String format(long micros) {
    if (micros % 1_000_000 != 0) {
      return java.time.Instant.ofEpochSecond(micros / 1_000_000, micros % 1_000_000 * 1000).toString();
    }
    String day = dayTexts.computeIfAbsent(Math.floorDiv(micros, DAY), it -> LocalDate.ofEpochDay(it) + "T");
    int second = (int) (Math.floorMod(micros, DAY) / 1_000_000);
    byte[] clock = {
      digit(second / 36_000), digit(second / 3600 % 10), ':',
      digit(second / 600 % 6), digit(second / 60 % 10), ':',
      digit(second / 10 % 6), digit(second % 10), 'Z'
    };
    return day + new String(clock, StandardCharsets.ISO_8859_1);
  }

  private static byte digit(int value) {
    return (byte) ('0' + value);
  }
}
