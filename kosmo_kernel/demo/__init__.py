"""A Heroku look-alike with a fictional company."""
