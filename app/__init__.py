"""The service: runs, reviews and decisions on a page. It runs from a checkout and is never in the wheel."""
