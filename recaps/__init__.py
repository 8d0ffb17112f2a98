"""What came of it: recaps, news, research notes and journal articles."""
