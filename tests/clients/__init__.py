"""Programs of others read our calendars from a running server, and end with one entry in the right state."""
