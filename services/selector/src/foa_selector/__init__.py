"""The selector: which runs belong to a request, how good they are, which models fit them."""
