"""From what people ask for to a request in which nothing is left to look up."""
