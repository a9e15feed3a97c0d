"""What a chunk of events does to a buyer's state: touches, orders, waiting events, the sweep."""
