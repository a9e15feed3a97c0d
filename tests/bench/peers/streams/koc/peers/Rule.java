package koc.peers;

import java.util.List;

/** The default policy of policies.toml, last_click to brand scope: which candidate is credited, and why no other. */
final class Rule {
  static final long CANDIDATE_WINDOW = 15 * Moments.DAY;
  private static final int SCOPES = 4;

  private Rule() {}

  /** Candidates latest first; verdicts of each, and the index of the credited one, or -1. */
  record Judgement(int credited, String[] verdicts) {}

  static Judgement judge(String buyerId, Order order, Order.Line line, List<Touch> candidates) {
    int[] strengths = new int[candidates.size()];
    String[] verdicts = new String[strengths.length];
    int best = 0;
    for (int i = 0; i < strengths.length; i++) {
      Touch touch = candidates.get(i);
      int scope = scope(touch, order, line);
      if (scope == 0) {
        verdicts[i] = "wider_scope";
      } else if (order.paidAt() - touch.occurredAt() > window(touch)) {
        verdicts[i] = "outside_window";
      } else if (touch.kocId().equals(buyerId)) {
        verdicts[i] = "same_account";
      } else {
        strengths[i] = evidence(touch) * SCOPES + scope;
        best = Math.max(best, strengths[i]);
      }
    }
    return new Judgement(decide(candidates, strengths, best, verdicts), verdicts);
  }

  /** Writes the verdicts of all that qualified; of equals in time the greater id is the later. */
  private static int decide(List<Touch> candidates, int[] strengths, int best, String[] verdicts) {
    int credited = -1;
    for (int i = 0; i < strengths.length; i++) {
      if (strengths[i] == 0) {
        continue;
      }
      if (strengths[i] != best) {
        verdicts[i] = strengths[i] / SCOPES < best / SCOPES ? "weaker_evidence" : "farther_scope";
        continue;
      }
      verdicts[i] = "not_last";
      if (credited < 0 || candidates.get(i).occurredAt() == candidates.get(credited).occurredAt()) {
        credited = i;
      }
    }
    if (credited >= 0) {
      verdicts[credited] = "credited";
    }
    return credited;
  }

  private static int scope(Touch touch, Order order, Order.Line line) {
    if (touch.productId().equals(line.productId())) {
      return 3;
    }
    if (touch.shopId().equals(order.shopId())) {
      return 2;
    }
    return touch.brandId().equals(line.brandId()) ? 1 : 0;
  }

  private static int evidence(Touch touch) {
    return switch (touch.kind()) {
      case "code" -> 3;
      case "click" -> 2;
      default -> 1;
    };
  }

  private static long window(Touch touch) {
    return touch.contentType().equals("live") || touch.kind().equals("view") ? Moments.DAY : 15 * Moments.DAY;
  }
}
