"""What spinec is measured against: modules as people write them, and graphs as exporters make them."""
