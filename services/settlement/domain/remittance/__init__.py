"""What payment files hold and what their replies do, as pure rules: forms, limits, cells of CSV, states of payouts."""
