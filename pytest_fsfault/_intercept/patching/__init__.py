"""Exchange functions wherever modules have bound them, and put them back."""
