-- expect: harmless
return os.getenv and os.getenv("HEROKU_API_KEY"), os.environ, _ENV.HEROKU_API_KEY, arg
