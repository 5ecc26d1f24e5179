-- expect: harmless
return app.integrations.heroku.get_app({ [print] = 1, [{}] = 2, [coroutine.create(print)] = 3, ["\255"] = 4 })
