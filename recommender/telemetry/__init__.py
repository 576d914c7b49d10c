"""What the service tells of itself: metrics, health, and the pages that show them."""
