"""Classical metrics of pages: pure functions over pages, histories, vectors and baskets; no model is loaded here."""
