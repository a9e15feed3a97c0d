"""Who may read and who may act: a token, personal logins, sessions, and what guards every request."""
