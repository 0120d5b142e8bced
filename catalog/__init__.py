"""The shop's own data: import of catalogues and baskets, the warehouse, the demo data set, the keyword corpus."""
