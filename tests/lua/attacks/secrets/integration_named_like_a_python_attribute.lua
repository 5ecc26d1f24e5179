-- expect: harmless
return pcall(function() return app.integrations["__import__('os').environ"] end), pcall(function() return app.integrations["{0.__class__}"] end),
  pcall(function() return app.integrations["%(token)s"] end)
