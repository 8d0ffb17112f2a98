"""What is on offer: events, programme, venues, topics, series, calendar files."""
