"""A look-alike of Heroku's API with the data of a fictional company."""
