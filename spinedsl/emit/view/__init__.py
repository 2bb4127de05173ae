"""The page of `spinec view`: one HTML file that needs nothing else, for one network or two."""
