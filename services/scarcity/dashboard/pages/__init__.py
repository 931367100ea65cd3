"""What each page shows, as JSON documents made of a board; pure."""
