"""Events as bytes: input events are decoded for the rules, and credits are encoded."""
