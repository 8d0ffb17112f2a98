"""Who comes: seats, waiting list, notices, reminders, attendance, figures."""
