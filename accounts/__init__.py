"""Who may do what: users, organisations, memberships, jurisdictions."""
