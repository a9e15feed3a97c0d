"""`koc console`: server-made pages where finance and support find orders, parties, payouts and what needs a person."""
