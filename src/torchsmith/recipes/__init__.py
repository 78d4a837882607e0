"""The catalogue of recipes: plans, studies and lessons that run by their names."""
