"""Events as bytes: decoded to what the rules read, and credits encoded."""
