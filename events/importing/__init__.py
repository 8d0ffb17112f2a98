"""Calendar files read at the desk: taken apart, understood, shown, and made into drafts when somebody says yes."""
