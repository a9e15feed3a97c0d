"""What pages of parties and brands say and draw: values alone, made from what the books have."""
